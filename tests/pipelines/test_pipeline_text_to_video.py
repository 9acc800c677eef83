# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import itertools
import logging

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.callbacks import PipelineCallback
from tiny import CODEBOOK_SIZE, FRAME_SIZE, MAX_TEXT_LENGTH, VISUAL_GRID, tiny_text_to_video_pipeline

import nuwa_hf
from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.pipelines.pipeline_text_to_video import EXAMPLE_DOC_STRING


PROMPT = "a red apple rolls to the left"


@pytest.fixture(scope="module")
def pipeline():
    return tiny_text_to_video_pipeline()


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_one_prompt_gives_one_clip_of_the_checkpoints_size(pipeline):
    output = pipeline(PROMPT)
    assert len(output.frames) == 1
    assert [frame.size for frame in output.frames[0]] == [FRAME_SIZE] * VISUAL_GRID[0]
    assert output.tokens.shape == (1, *VISUAL_GRID)
    assert output.tokens.dtype == torch.long
    assert output.tokens.min() >= 0
    assert output.tokens.max() < CODEBOOK_SIZE


def test_all_output_types_show_the_same_video(pipeline):
    outputs = {kind: pipeline(PROMPT, generator=seeded(3), output_type=kind) for kind in ("pil", "np", "pt", "latent")}
    array, tensor = outputs["np"].frames, outputs["pt"].frames
    width, height = FRAME_SIZE
    assert array.shape == (1, VISUAL_GRID[0], height, width, 3)
    assert tensor.shape == (1, VISUAL_GRID[0], 3, height, width)
    assert array.min() >= 0
    assert array.max() <= 1
    assert np.array_equal(array, tensor.permute(0, 1, 3, 4, 2).numpy())
    pictures = np.stack([np.asarray(frame) for frame in outputs["pil"].frames[0]])
    assert np.array_equal(pictures, (array[0] * 255).round().astype(np.uint8))
    assert isinstance(outputs["pil"].frames[0][0], PIL.Image.Image)
    for output in outputs.values():
        assert torch.equal(outputs["latent"].frames, output.tokens)
    assert torch.equal(pipeline.decode_tokens(outputs["latent"].frames, "pt"), tensor)


def test_tuple_equals_output(pipeline):
    frames, tokens = pipeline(PROMPT, generator=seeded(0), output_type="pt", return_dict=False)
    output = pipeline(PROMPT, generator=seeded(0), output_type="pt")
    assert torch.equal(frames, output.frames)
    assert torch.equal(tokens, output.tokens)


@pytest.mark.parametrize("num_frames", range(1, VISUAL_GRID[0] + 1))
def test_num_frames_is_the_clips_length(pipeline, num_frames):
    assert len(pipeline(PROMPT, num_frames=num_frames).frames[0]) == num_frames


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_video_of_a_list_of_generators_is_the_one_its_generator_makes_alone(pipeline, guidance_scale):
    prompts = [PROMPT, "two birds rise over the sea", "a rocket"]
    together = pipeline(prompts, generator=seeded(5, 6, 7), guidance_scale=guidance_scale).tokens
    for prompt, seed, tokens in zip(prompts, (5, 6, 7), together, strict=True):
        alone = pipeline(prompt, generator=seeded(seed)[0], guidance_scale=guidance_scale).tokens
        assert torch.equal(alone[0], tokens)


def test_videos_of_one_prompt_follow_each_other(pipeline):
    prompts = [PROMPT, "a rocket"]
    tokens = pipeline(prompts, num_videos_per_prompt=2, generator=seeded(1, 2, 3, 4)).tokens
    repeated = pipeline([PROMPT, PROMPT, "a rocket", "a rocket"], generator=seeded(1, 2, 3, 4)).tokens
    assert torch.equal(tokens, repeated)
    assert not torch.equal(tokens[0], tokens[1])


def test_schedules_give_the_same_video(pipeline):
    wavefront = pipeline(PROMPT, generator=seeded(0)).tokens
    assert pipeline.num_timesteps < np.prod(VISUAL_GRID)
    assert torch.equal(wavefront, pipeline(PROMPT, generator=seeded(0), schedule="raster").tokens)
    assert pipeline.num_timesteps == np.prod(VISUAL_GRID)


def test_prompt_and_guidance_change_the_video(pipeline):
    tokens = pipeline(PROMPT, generator=seeded(0)).tokens
    assert not torch.equal(tokens, pipeline("two birds", generator=seeded(0)).tokens)
    guided = pipeline(PROMPT, generator=seeded(0), guidance_scale=4.0).tokens
    assert pipeline.do_classifier_free_guidance
    assert pipeline.guidance_scale == 4.0
    assert not torch.equal(tokens, guided)
    negative = pipeline(PROMPT, negative_prompt="two birds", generator=seeded(0), guidance_scale=4.0).tokens
    assert not torch.equal(guided, negative)


def test_negative_prompt_equal_to_the_prompt_undoes_guidance(pipeline):
    tokens = pipeline(PROMPT, generator=seeded(0)).tokens
    assert not pipeline.do_classifier_free_guidance
    undone = pipeline(PROMPT, negative_prompt=PROMPT, generator=seeded(0), guidance_scale=4.0).tokens
    assert torch.equal(tokens, undone)


def test_negative_prompt_without_guidance_is_reported(pipeline, caplog):
    with caplog.at_level(logging.WARNING):
        pipeline(PROMPT, negative_prompt="two birds", guidance_scale=1.0)
    assert "`negative_prompt` has no effect without guidance" in caplog.text


def test_top_k_of_one_takes_the_likeliest_tokens(pipeline):
    assert torch.equal(
        pipeline(PROMPT, top_k=1, generator=seeded(0)).tokens, pipeline(PROMPT, top_k=1, generator=seeded(1)).tokens
    )


def test_settings_left_open_are_those_of_the_generation_config():
    pipeline = tiny_text_to_video_pipeline()
    settings = {"guidance_scale": 2.5, "temperature": 0.7, "top_k": 9, "top_p": 0.8}
    given = pipeline(PROMPT, generator=seeded(0), **settings).tokens
    assert not torch.equal(given, pipeline(PROMPT, generator=seeded(0)).tokens)
    for name, value in settings.items():
        setattr(pipeline.transformer.generation_config, name, value)
    assert torch.equal(given, pipeline(PROMPT, generator=seeded(0)).tokens)


def test_long_prompt_is_cut_and_the_rest_named(pipeline, caplog):
    long_prompt = " ".join(["apple"] * (MAX_TEXT_LENGTH - 2)) + " rolls to the sea"
    with caplog.at_level(logging.WARNING):
        ids, mask = pipeline.tokenize_prompt([long_prompt, "a sea"])
    assert ids.shape == mask.shape == (2, MAX_TEXT_LENGTH)
    kept = pipeline.tokenizer.decode(ids[0], skip_special_tokens=True)
    cut = caplog.records[0].args[-1]
    assert len(caplog.records) == 1
    assert cut.endswith("rolls to the sea")
    assert f"{kept}{cut}".replace(" ", "") == long_prompt.replace(" ", "")  # the cut may be within a word


def test_unknown_characters_are_reported(pipeline, caplog):
    with caplog.at_level(logging.WARNING):
        pipeline.tokenize_prompt(["a 龙 rolls"])
    assert "characters that the tokenizer does not know: 'a 龙 rolls'" in caplog.text


def test_callback_sees_every_step_and_its_tokens(pipeline):
    seen = []

    def callback(pipe, step, timestep, callback_kwargs):
        assert pipe is pipeline
        assert step == timestep
        seen.append((step, callback_kwargs["tokens"].clone()))

    tokens = pipeline(PROMPT, generator=seeded(0), callback_on_step_end=callback).tokens
    assert [step for step, _ in seen] == list(range(pipeline.num_timesteps))
    assert torch.equal(seen[-1][1], tokens)
    for (_, before), (_, after) in itertools.pairwise(seen):
        assert torch.equal(before[before != 0], after[before != 0])  # a sampled token stays


def test_callback_may_ask_for_nothing(pipeline):
    asked = []
    pipeline(PROMPT, callback_on_step_end=lambda *args: asked.append(args[3]), callback_on_step_end_tensor_inputs=[])
    assert asked == [{}] * pipeline.num_timesteps


def test_tokens_that_a_callback_returns_are_used(pipeline):
    def callback(pipe, step, timestep, callback_kwargs):
        return {"tokens": torch.full_like(callback_kwargs["tokens"], 7)}

    assert (pipeline(PROMPT, callback_on_step_end=callback).tokens == 7).all()


def test_pipeline_callback_objects_are_accepted(pipeline):
    class Count(PipelineCallback):
        tensor_inputs = ["tokens"]  # noqa: RUF012
        steps = 0

        def callback_fn(self, pipe, step_index, timesteps, callback_kwargs):
            self.steps += 1
            return callback_kwargs

    count = Count()
    pipeline(PROMPT, callback_on_step_end=count)
    assert count.steps == pipeline.num_timesteps


def test_interrupt_stops_after_the_wave_and_still_decodes(pipeline):
    steps = []

    def callback(pipe, step, timestep, callback_kwargs):
        steps.append(step)
        pipe.interrupt = step == 2

    output = pipeline(PROMPT, generator=seeded(0), callback_on_step_end=callback)
    assert steps == [0, 1, 2]
    assert pipeline.interrupt
    assert len(output.frames[0]) == VISUAL_GRID[0]
    pipeline(PROMPT)
    assert not pipeline.interrupt


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "`prompt` must not be empty, got ''; describe"),
        ({"prompt": "  \n"}, "`prompt` must not be empty"),
        ({"prompt": []}, "`prompt` must hold at least one text"),
        ({"prompt": ["a", ""]}, r"`prompt\[1\]` must not be empty"),
        ({"negative_prompt": ""}, "`negative_prompt` must not be empty, got ''; leave it None"),
        ({"negative_prompt": ["a", "b"]}, "`negative_prompt` must hold one text for each of the 1 prompts, got 2"),
        ({"num_frames": 0}, "`num_frames` must be at least 1, got 0"),
        ({"num_frames": -1}, "`num_frames` must be at least 1, got -1"),
        ({"num_frames": 4}, r"`num_frames` must be at most 3 \(.*\), got 4; use 3 or fewer"),
        ({"num_videos_per_prompt": 0}, "`num_videos_per_prompt` must be at least 1, got 0"),
        ({"output_type": "gif"}, "`output_type` must be one of 'pil', 'np', 'pt', 'latent', got 'gif'"),
        ({"schedule": "spiral"}, "`schedule` must be one of 'wavefront', 'raster', got 'spiral'"),
        ({"temperature": 0.0}, "`temperature`.* got 0.0"),
        ({"temperature": -1.0}, "`temperature`.* got -1.0"),
        ({"temperature": float("nan")}, "`temperature`.* got nan"),
        ({"top_k": 0}, "`top_k`.* got 0"),
        ({"top_p": 0.0}, "`top_p`.* got 0.0"),
        ({"top_p": 1.5}, "`top_p`.* got 1.5"),
        ({"guidance_scale": 0.5}, "`guidance_scale`.* got 0.5"),
        ({"guidance_scale": float("inf")}, "`guidance_scale`.* got inf"),
        ({"generator": seeded(1, 2)}, "`generator` must hold one generator for each of the 1 videos.* got 2"),
        ({"callback_on_step_end_tensor_inputs": ["latents"]}, "must be among 'tokens', got 'latents'"),
    ],
)
def test_bad_value_is_refused_before_any_work(pipeline, arguments, message):
    steps = []
    everything = {"prompt": PROMPT, "callback_on_step_end": lambda *args: steps.append(args), **arguments}
    with pytest.raises(ValueError, match=message):
        pipeline(**everything)
    assert not steps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": None}, "`prompt` must be a text or a list of texts, got NoneType"),
        ({"prompt": 3}, "`prompt` must be a text or a list of texts, got int"),
        ({"prompt": ["a", 3]}, r"`prompt\[1\]` must be a text, got 3"),
        ({"num_frames": 2.0}, "`num_frames` must be a whole number, got 2.0"),
        ({"num_frames": True}, "`num_frames` must be a whole number, got True"),
        ({"num_videos_per_prompt": "2"}, "`num_videos_per_prompt` must be a whole number"),
        ({"generator": 7}, "`generator` must be a `torch.Generator`"),
        ({"generator": [None]}, "`generator` must be a `torch.Generator`"),
        ({"callback_on_step_end": 7}, "`callback_on_step_end` must be callable"),
    ],
)
def test_argument_of_a_wrong_type_is_refused(pipeline, arguments, message):
    with pytest.raises(TypeError, match=message):
        pipeline(**{"prompt": PROMPT, **arguments})


def test_pipeline_without_codec_still_makes_tokens(pipeline):
    bare = NuwaTextToVideoPipeline(vqgan=None, transformer=pipeline.transformer, tokenizer=pipeline.tokenizer)
    bare.set_progress_bar_config(disable=True)
    expected = pipeline(PROMPT, generator=seeded(0)).tokens
    assert torch.equal(bare(PROMPT, generator=seeded(0), output_type="latent").frames, expected)
    with pytest.raises(ValueError, match="needs the component `vqgan`"):
        bare(PROMPT)


def test_example_of_the_docstring_runs(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nuwa_hf, "DEMO_CHECKPOINT", checkpoint)
    lines = [line.split(">>> ", 1)[1] for line in EXAMPLE_DOC_STRING.splitlines() if ">>> " in line]
    exec("\n".join(lines), {})
    with PIL.Image.open(tmp_path / "rocket.gif") as image:
        assert image.n_frames == VISUAL_GRID[0]
    assert EXAMPLE_DOC_STRING.strip() in NuwaTextToVideoPipeline.__call__.__doc__
