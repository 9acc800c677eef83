# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging
from inspect import signature

import pytest
import torch
from tiny import CAPTIONS, CODEBOOK_SIZE, FRAME_SIZE, MAX_TEXT_LENGTH, VISUAL_GRID, seeded, tiny_pipeline

from nuwa_hf import NuwaTextToVideoPipeline


PROMPT = CAPTIONS[0]
EMBEDS = ("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask")


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline("T2V")


@pytest.mark.parametrize("num_frames", range(1, VISUAL_GRID[0] + 1))
def test_num_frames_is_the_clips_length(pipeline, num_frames):
    frames = pipeline(PROMPT, num_frames=num_frames).frames[0]
    assert [frame.size for frame in frames] == [FRAME_SIZE] * num_frames


def test_prompt_changes_the_video(pipeline):
    tokens = pipeline(PROMPT, generator=seeded(0)).tokens
    assert not torch.equal(tokens, pipeline(CAPTIONS[1], generator=seeded(0)).tokens)


def test_negative_prompt_equal_to_the_prompt_undoes_guidance(pipeline):
    tokens = pipeline(PROMPT, generator=seeded(0)).tokens
    undone = pipeline(PROMPT, negative_prompt=PROMPT, generator=seeded(0), guidance_scale=4.0).tokens
    assert torch.equal(tokens, undone)


def test_negative_prompt_without_guidance_is_reported(pipeline, caplog):
    with caplog.at_level(logging.WARNING):
        pipeline(PROMPT, negative_prompt="two birds", guidance_scale=1.0)
    assert "`negative_prompt` has no effect without guidance" in caplog.text


def test_one_negative_prompt_serves_all_prompts_and_a_list_has_one_for_each(pipeline):
    arguments = {"prompt": list(CAPTIONS[:2]), "guidance_scale": 4.0, "output_type": "latent"}
    one, two, other = (
        pipeline(**arguments, negative_prompt=negative, generator=seeded(0, 1)).tokens
        for negative in ("two birds", ["two birds", "two birds"], ["two birds", "a meadow"])
    )
    assert torch.equal(one, two)
    assert torch.equal(one[0], other[0])
    assert not torch.equal(one[1], other[1])


def test_without_a_prompt_a_video_is_drawn_for_the_none_condition_and_unguided(pipeline):
    pipeline.transformer.generation_config.guidance_scale = 4.0
    tokens = pipeline(generator=seeded(0, 1), num_videos_per_prompt=2).tokens
    assert pipeline.guidance_scale == 1
    conditions = pipeline.text_conditions(None, batch_size=2)
    plain = pipeline.transformer.generate(**conditions, guidance_scale=1.0, generator=seeded(0, 1)).tokens
    assert torch.equal(tokens, plain)
    streamed = pipeline.stream(num_frames=1, num_videos_per_prompt=2, generator=seeded(0, 1), output_type="latent")
    assert torch.equal(next(streamed), tokens[:, 0])
    avoiding = pipeline(negative_prompt=PROMPT, num_videos_per_prompt=2, generator=seeded(0, 1)).tokens
    assert pipeline.guidance_scale == 4
    assert not torch.equal(avoiding, tokens)
    with pytest.raises(ValueError, match="`guidance_scale` must be 1 without a `prompt`"):
        pipeline(guidance_scale=2.0)
    with pytest.raises(ValueError, match="`num_candidates` must be 1 without a `prompt`"):
        pipeline(num_candidates=2)
    pipeline.transformer.generation_config.guidance_scale = None


def test_guidance_scale_left_open_is_that_of_the_generation_config():
    pipeline = tiny_pipeline("T2V")
    given = pipeline(PROMPT, generator=seeded(0), guidance_scale=2.5).tokens
    pipeline.transformer.generation_config.guidance_scale = 2.5
    assert torch.equal(given, pipeline(PROMPT, generator=seeded(0)).tokens)


@pytest.mark.parametrize("side", ["right", "left"])
def test_long_prompt_is_cut_and_the_rest_named(pipeline, caplog, monkeypatch, side):
    monkeypatch.setattr(pipeline.tokenizer, "truncation_side", side)
    words = "rolls to the sea", " ".join(["apple"] * (MAX_TEXT_LENGTH - 2))
    long_prompt = " ".join(words if side == "left" else words[::-1])
    with caplog.at_level(logging.WARNING):
        ids, mask = pipeline.tokenize_prompt([long_prompt, "a sea"])
    assert ids.shape == mask.shape == (2, MAX_TEXT_LENGTH)
    kept = pipeline.tokenizer.decode(ids[0], skip_special_tokens=True)
    cut = caplog.records[0].args[-1]
    assert len(caplog.records) == 1
    assert "rolls to the sea" in cut
    whole = f"{kept}{cut}" if side == "right" else f"{cut}{kept}"
    assert whole.replace(" ", "") == long_prompt.replace(" ", "")  # the cut may be within a word


def test_unknown_characters_are_reported(pipeline, caplog):
    with caplog.at_level(logging.WARNING):
        pipeline.tokenize_prompt(["a 龙 rolls"])
    assert "characters that the tokenizer does not know: 'a 龙 rolls'" in caplog.text


def test_pipeline_without_codec_still_makes_tokens(pipeline):
    bare = NuwaTextToVideoPipeline(vqgan=None, transformer=pipeline.transformer, tokenizer=pipeline.tokenizer)
    bare.set_progress_bar_config(disable=True)
    expected = pipeline(PROMPT, generator=seeded(0)).tokens
    assert torch.equal(bare(PROMPT, generator=seeded(0), output_type="latent").frames, expected)


def test_stream_takes_the_arguments_of_a_call_but_those_of_a_whole_video():
    of_call, of_stream = (
        list(signature(method).parameters)
        for method in (NuwaTextToVideoPipeline.__call__, NuwaTextToVideoPipeline.stream)
    )
    of_whole = {"num_candidates", "scorer", "return_dict"}
    assert of_stream == [name for name in of_call if name not in of_whole and not name.startswith("callback_on")]


@pytest.mark.parametrize("overlap_frames", [None, 1])
def test_stream_of_encoded_texts_is_that_of_the_texts(pipeline, overlap_frames):
    given = {"num_frames": 2 * VISUAL_GRID[0], "overlap_frames": overlap_frames, "guidance_scale": 3.0}
    given |= {"height": FRAME_SIZE[1], "width": FRAME_SIZE[0], "output_type": "latent"}
    embeds = dict(zip(EMBEDS, pipeline.encode_prompt(PROMPT, CAPTIONS[1]), strict=True))
    texts = pipeline.stream(PROMPT, CAPTIONS[1], generator=seeded(0), **given)
    assert all(map(torch.equal, texts, pipeline.stream(**embeds, generator=seeded(0), **given)))


@pytest.mark.parametrize(
    ("output_type", "num_frames", "overlap"),
    [
        ("latent", VISUAL_GRID[0], None),
        ("latent", 2 * VISUAL_GRID[0] + 2, 1),
        ("latent", 7, 2),
        ("np", 7, 2),
        ("pt", 7, 2),
    ],
)
def test_stream_yields_the_frames_of_a_call(pipeline, output_type, num_frames, overlap):
    settings = {"guidance_scale": 2.0, "num_videos_per_prompt": 2, "output_type": output_type}
    settings |= {"num_frames": num_frames, "overlap_frames": overlap}
    prompts = list(CAPTIONS[:2])
    frames = pipeline(prompts, generator=seeded(0, 1, 2, 3), **settings).frames
    stream = list(pipeline.stream(prompts, generator=seeded(0, 1, 2, 3), **settings))
    assert len(stream) == num_frames
    for number, frame in enumerate(stream):
        if output_type == "latent":
            assert torch.equal(frame, frames[:, number])
        else:  # the codec decodes one frame at a time here, and all of a video there: sums in another order
            torch.testing.assert_close(torch.as_tensor(frame), torch.as_tensor(frames[:, number]), atol=1e-5, rtol=0)


def test_without_chunks_a_stream_goes_on_in_the_same_wavefront(pipeline):
    count = 2 * VISUAL_GRID[0]
    endless = pipeline.stream(PROMPT, generator=seeded(0), output_type="latent")
    tokens = torch.stack([next(endless) for _ in range(count)], 1)
    conditions = pipeline.text_conditions([PROMPT], batch_size=1)
    stream = pipeline.transformer.stream(grid=(count, *VISUAL_GRID[1:]), generator=seeded(0), **conditions)
    assert torch.equal(tokens, torch.stack(list(stream), 1))
    call = pipeline(PROMPT, num_frames=count, generator=seeded(0), output_type="latent").tokens
    learnt = VISUAL_GRID[0]
    assert torch.equal(tokens[:, :learnt], call[:, :learnt])
    assert not torch.equal(tokens, call)


@pytest.mark.parametrize("overlap_frames", [None, 1])
def test_stream_of_pictures_goes_on_until_it_is_stopped(pipeline, overlap_frames):
    stream = pipeline.stream(PROMPT, generator=seeded(0), overlap_frames=overlap_frames)
    for _ in range(3 * VISUAL_GRID[0]):
        (picture,) = next(stream)
        assert picture.size == FRAME_SIZE
    pipeline.interrupt = True
    assert list(stream) == []
    assert len(list(pipeline.stream(PROMPT, num_frames=2))) == 2  # the next stream starts anew


@pytest.mark.parametrize("overlap_frames", [None, 1, 2])
def test_frame_that_was_yielded_may_be_changed(pipeline, overlap_frames):
    """The next chunk went on from what was written into it."""
    given = {"num_frames": 2 * VISUAL_GRID[0] + 1, "overlap_frames": overlap_frames, "output_type": "latent"}
    expected = [frame.clone() for frame in pipeline.stream(PROMPT, generator=seeded(0), **given)]
    for frame, before in zip(pipeline.stream(PROMPT, generator=seeded(0), **given), expected, strict=True):
        assert torch.equal(frame, before)
        frame.add_(1).remainder_(CODEBOOK_SIZE)


def test_stream_says_what_is_wrong_before_it_starts(pipeline):
    for arguments, error, message in (
        ({"prompt": ""}, ValueError, "`prompt` must not be empty"),
        ({"prompt": PROMPT, "num_frames": 0}, ValueError, "`num_frames` must be at least 1"),
        ({"prompt": PROMPT, "num_frames": 2.5}, TypeError, "`num_frames` must be"),
        ({"prompt": PROMPT, "overlap_frames": VISUAL_GRID[0]}, ValueError, "`overlap_frames` must be at most"),
        ({"prompt": PROMPT, "overlap_frames": 0}, ValueError, "`overlap_frames` must be at least 1"),
        ({"prompt": PROMPT, "output_type": "gif"}, ValueError, "`output_type` must be one of"),
        ({"prompt": PROMPT, "height": 9}, ValueError, "`height` must be 8"),
        ({"prompt": PROMPT, "prompt_embeds": torch.zeros(1, 3, 16)}, ValueError, "got both"),
        ({"prompt": PROMPT, "generator": seeded(1, 2)}, ValueError, "each of the 1 outputs"),
    ):
        with pytest.raises(error, match=message):
            pipeline.stream(**arguments)


def test_stream_of_an_offloaded_pipeline_is_refused():
    offloaded = tiny_pipeline("T2V")
    offloaded.enable_model_cpu_offload(device="cpu")
    with pytest.raises(ValueError, match=r"call `pipeline.remove_all_hooks\(\)`"):
        offloaded.stream(PROMPT)
    offloaded.remove_all_hooks()
    assert len(list(offloaded.stream(PROMPT, num_frames=1))) == 1


@pytest.mark.parametrize("overlap_frames", [None, 1])
def test_stream_without_a_transformer_says_that_it_needs_one(pipeline, overlap_frames):
    bare = NuwaTextToVideoPipeline(**{**pipeline.components, "transformer": None})
    with pytest.raises(ValueError, match="needs the component `transformer`, which is None"):
        bare.stream(PROMPT, overlap_frames=overlap_frames)


def test_lists_may_be_used_again_before_what_was_checked_runs(pipeline):
    def given():
        return {"prompt": list(CAPTIONS[:2]), "generator": seeded(0, 1), "output_type": "latent"}

    of_call, of_stream = given(), given()
    call = pipeline.check_inputs(**of_call)
    stream = pipeline.stream(num_frames=VISUAL_GRID[0], **of_stream)
    for arguments in (of_call, of_stream):
        arguments["prompt"].clear()
        arguments["generator"].reverse()
    expected = pipeline(**given()).tokens
    assert torch.equal(pipeline.run_checked_call(call).tokens, expected)
    assert torch.equal(torch.stack(list(stream), 1), expected)


def test_subclass_with_a_call_of_its_own_checks_and_streams_as_its_task_does(pipeline):
    class Flying(NuwaTextToVideoPipeline):
        def __call__(self, prompt, **given):
            return super().__call__(f"{prompt} over the sea", **given)

    own, given = Flying(**pipeline.components), {"generator": seeded(0), "output_type": "latent"}
    own.set_progress_bar_config(disable=True)
    tokens = own("two birds rise", **given).tokens
    given["generator"] = seeded(0)
    assert torch.equal(tokens, own.run_checked_call(own.check_inputs(CAPTIONS[1], **given)).tokens)
    given["generator"] = seeded(0)
    assert torch.equal(tokens, torch.stack(list(own.stream(CAPTIONS[1], num_frames=VISUAL_GRID[0], **given)), 1))
