# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Of several candidates the best is kept, by whoever judges."""

import numpy as np
import pytest
import torch
from tiny import CAPTIONS, CODEBOOK_SIZE, FRAME_SIZE, VISUAL_GRID, seeded, tiny_batch, tiny_inputs, tiny_pipeline
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from nuwa_hf import ClipScorer
from nuwa_hf.pipelines.candidates import best_of, likelihood_ratio


TASKS = ("T2I", "T2V", "TI2I", "TV2V")
WIDTH, HEIGHT = FRAME_SIZE


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(task):
    return tiny_pipeline(task)


class Spy:
    """Scores rows in the order of the numbers it was made with, and remembers what it saw."""

    def __init__(self, *scores):
        self.scores = torch.tensor(scores)
        self.seen = []

    def __call__(self, frames, prompts):
        self.seen.append((frames.clone(), list(prompts)))
        return self.scores


def call(pipeline, task, **arguments):
    return pipeline(**{"generator": seeded(0)[0], "output_type": "pt", **tiny_inputs(task), **arguments})


def all_candidates(pipeline, task, count, inputs, **arguments):
    """The same draws, each as an output of its own."""
    name = "num_images_per_prompt" if task.endswith("I") else "num_videos_per_prompt"
    return call(pipeline, task, **inputs, **{name: count}, **arguments).tokens


@pytest.mark.parametrize("best", range(3))
def test_candidate_of_highest_score_is_kept(pipeline, task, best):
    scorer = Spy(*(2.0 if place == best else -float(place) for place in range(3)))
    output = call(pipeline, task, num_candidates=3, scorer=scorer)
    candidates = all_candidates(pipeline, task, 3, {})
    assert len(candidates.unique(dim=0)) == 3
    assert torch.equal(output.tokens[0], candidates[best])
    ((frames, prompts),) = scorer.seen
    assert prompts == [tiny_inputs(task)["prompt"]] * 3
    assert frames.shape == (3, candidates.shape[1], 3, HEIGHT, WIDTH)
    assert frames.min() >= 0
    assert frames.max() <= 1
    torch.testing.assert_close(frames, pipeline.decode_tokens(candidates))


def test_each_output_keeps_its_own_best(pipeline, task):
    inputs = tiny_batch(task, (0, 1))
    scorer = Spy(1, 5, 2, 9, 3, 4)
    output = call(pipeline, task, **inputs, num_candidates=3, scorer=scorer)
    candidates = all_candidates(pipeline, task, 3, inputs)
    assert torch.equal(output.tokens, candidates[[1, 3]])
    assert scorer.seen[0][1] == [prompt for prompt in inputs["prompt"] for _ in range(3)]


def test_candidates_and_outputs_per_prompt_multiply(pipeline, task):
    name = "num_images_per_prompt" if task.endswith("I") else "num_videos_per_prompt"
    scorer = Spy(1, 5, 9, 3)
    output = call(pipeline, task, **{name: 2}, num_candidates=2, scorer=scorer)
    assert torch.equal(output.tokens, all_candidates(pipeline, task, 4, {})[[1, 2]])


def test_one_candidate_is_none_and_asks_nobody(pipeline, task):
    scorer = Spy()
    output = call(pipeline, task, num_candidates=1, scorer=scorer)
    assert torch.equal(output.tokens, call(pipeline, task).tokens)
    assert not scorer.seen


@pytest.mark.parametrize("task", TASKS, scope="module")
def test_each_output_of_a_list_of_generators_is_its_own_single_run(task):
    pipeline = tiny_pipeline(task).to(torch.float64)
    together = pipeline(**tiny_batch(task, (3, 4)), num_candidates=3, generator=seeded(3, 4), output_type="latent")
    for place, seed in enumerate((3, 4)):
        for generator in (seeded(seed), seeded(seed)[0]):
            inputs = tiny_inputs(task, seed)
            alone = pipeline(**inputs, num_candidates=3, generator=generator, output_type="latent").tokens
            assert torch.equal(alone[0], together.tokens[place])


def test_by_default_the_models_own_ratio_decides(pipeline, task):
    candidates = all_candidates(pipeline, task, 4, {})
    conditions = pipeline.encode_prompt([tiny_inputs(task)["prompt"]], batch_size=4)
    if task.startswith("TI") or task == "TV2V":
        inputs = tiny_inputs(task)
        frames = torch.from_numpy(inputs["video"] if task == "TV2V" else inputs["image"][None])
        masks = torch.from_numpy(inputs["mask"] if task == "TV2V" else inputs["mask"][None])
        part = pipeline.encode_known_part(frames.movedim(-1, 1).float()[None] / 255, masks[None], 4)
        conditions |= {"known_tokens": part.tokens, "known_mask": part.places}
    scores = likelihood_ratio(pipeline.transformer, candidates, conditions)
    best = call(pipeline, task, num_candidates=4).tokens[0]
    assert torch.equal(best, candidates[scores.argmax()])


def test_ratio_is_that_of_two_forward_passes():
    model = tiny_pipeline("T2V").transformer.double()
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, CODEBOOK_SIZE, (3, *VISUAL_GRID), generator=generator)
    known_mask = torch.rand(tokens.shape, generator=generator) < 0.4
    input_ids = torch.randint(5, 100, (3, 6), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 3:] = 0
    none = torch.full((3, 1), model.config.none_token_id)
    text = {"input_ids": input_ids, "attention_mask": attention_mask}
    sketch_tokens = torch.randint(0, 16, tokens.shape, generator=generator)

    def total(mask, **arguments):
        """Place by place, of those that are not given."""
        logits = model(visual_tokens=tokens, **arguments).logits
        sums = []
        for item in range(3):
            places = [place for place in range(logits.shape[1]) if mask is None or not mask.flatten(1)[item, place]]
            of_places = [logits[item, place].softmax(-1)[tokens.flatten(1)[item, place]].log() for place in places]
            sums.append(sum(of_places))
        return torch.stack(sums)

    for conditions in (
        {},
        {"sketch_tokens": sketch_tokens},
        {"known_mask": known_mask},
        {"known_mask": known_mask, "condition_on_known": False},
    ):
        mask = conditions.get("known_mask")
        seen = {} if mask is None or not conditions.get("condition_on_known", True) else {"known_mask": mask}
        seen |= {name: conditions[name] for name in ("sketch_tokens",) if name in conditions}
        expected = total(mask, **text, **seen) - total(mask, input_ids=none, **seen)
        found = likelihood_ratio(model, tokens, text | conditions)
        torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)  # sums of float32 log-probabilities
        assert found.abs().min() > 1e-2


def test_text_equal_to_none_has_no_ratio():
    pipeline = tiny_pipeline("T2V")
    tokens = torch.randint(0, CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=seeded(0)[0])
    none = pipeline.encode_prompt(None, batch_size=2)
    assert likelihood_ratio(pipeline.transformer, tokens, none).tolist() == [0.0, 0.0]


def test_best_of_equal_scores_is_the_first():
    assert best_of(torch.tensor([1.0, 1.0, 0.0, 2.0, 2.0, 2.0]), 6, 3).tolist() == [0, 3]
    assert best_of(torch.tensor([-5, -3, 7, -9]), 4, 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    "scores",
    [
        torch.tensor([1.0, float("nan"), 2.0]),
        torch.tensor([1.0, float("inf"), 2.0]),
        torch.tensor([1.0, 2.0]),
        torch.tensor(1.0),
        torch.ones(3, 1),
        torch.ones(100),
        np.array([1.0, 2.0]),
        [1.0, 2.0, 3.0, 4.0],
        [[1.0], [2.0, 3.0]],
        ["good", "better", "best"],
        None,
    ],
)
def test_scores_that_are_not_one_finite_number_for_each_are_refused(scores):
    pipeline = tiny_pipeline("T2I")
    with pytest.raises(
        ValueError, match="`scorer` must give one finite number for each of the 3 candidates, as a tensor"
    ):
        call(pipeline, "T2I", num_candidates=3, scorer=lambda frames, prompts: scores)


def test_scores_may_be_an_array_or_a_list():
    pipeline, scores = tiny_pipeline("T2I"), [1.0, 3.0, 2.0]
    expected = call(pipeline, "T2I", num_candidates=3, scorer=Spy(*scores)).tokens
    for form in (scores, np.array(scores)):
        found = call(pipeline, "T2I", num_candidates=3, scorer=lambda frames, prompts, form=form: form)
        assert torch.equal(found.tokens, expected)


def test_long_video_keeps_the_best_of_every_chunk():
    pipeline, seen = tiny_pipeline("T2V"), []

    def scorer(frames, prompts):
        seen.append(frames)
        return frames.flatten(1).mean(1)

    output = call(pipeline, "T2V", num_frames=5, num_candidates=3, scorer=scorer, overlap_frames=1)
    assert [frames.shape[:2] for frames in seen] == [(3, 3), (3, 3)]
    brightest = [frames[frames.flatten(1).mean(1).argmax()] for frames in seen]
    torch.testing.assert_close(output.frames[0, :3], brightest[0])
    torch.testing.assert_close(output.frames[0, 2:], brightest[1])
    for frames in seen[1]:  # every candidate of the second chunk goes on from the best of the first
        torch.testing.assert_close(frames[0], brightest[0][2])


def test_interrupted_call_asks_no_scorer():
    def callback(pipe, step, timestep, callback_kwargs):
        pipe.interrupt = step == 1

    scorer = Spy()
    output = call(tiny_pipeline("T2I"), "T2I", num_candidates=3, scorer=scorer, callback_on_step_end=callback)
    assert not scorer.seen
    assert len(output.images) == 1


def test_scorer_needs_the_codec_even_for_tokens():
    """Once it failed after all candidates were drawn, by a message about None."""
    pipeline, calls = tiny_pipeline("T2I", vqgan=None), []
    pipeline.transformer.model.encoder.register_forward_pre_hook(lambda *arguments: calls.append(arguments))
    arguments = {"num_candidates": 2, "output_type": "latent"}
    with pytest.raises(ValueError, match="needs the component `vqgan`"):
        call(pipeline, "T2I", **arguments, scorer=Spy(1, 2))
    assert not calls
    assert call(pipeline, "T2I", **arguments).tokens.shape[0] == 1
    assert calls


@pytest.fixture(scope="module")
def clip():
    """A random CLIP of a few numbers that knows the letters of the captions."""
    letters = sorted(set("".join(CAPTIONS)) - {" "})
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=24)
    shared = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "initializer_range": 0.5,
    }
    text = {**shared, "vocab_size": len(words), "max_position_embeddings": 24, "bos_token_id": 0, "eos_token_id": 1}
    vision = {**shared, "image_size": 8, "patch_size": 4}
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
    return ClipScorer(model, CLIPProcessor(pictures, tokenizer))


@pytest.fixture
def frames():
    return torch.randint(0, 256, (3, 2, 3, HEIGHT, WIDTH), generator=seeded(0)[0]) / 255


def test_clip_scores_are_the_mean_cosine_of_frames_and_text(clip, frames):
    scores = clip(frames, CAPTIONS)
    assert scores.shape == (3,)
    assert scores.abs().max() <= 1
    assert len(scores.unique()) == 3
    for place, prompt in enumerate(CAPTIONS):
        cosines = []
        for frame in frames[place]:
            picture = frame.permute(1, 2, 0).mul(255).byte().numpy()
            inputs = clip.processor(text=[prompt], images=[picture], return_tensors="pt", truncation=True)
            with torch.no_grad():
                output = clip.model(**inputs)
            cosines.append(torch.cosine_similarity(output.image_embeds, output.text_embeds))
        torch.testing.assert_close(scores[place], torch.stack(cosines).mean())


def test_clip_scores_belong_to_their_rows(clip, frames):
    scores = clip(frames, CAPTIONS)
    order = [2, 0, 1]
    torch.testing.assert_close(clip(frames[order], [CAPTIONS[place] for place in order]), scores[order])
    for place in range(3):
        torch.testing.assert_close(clip(frames[[place]], [CAPTIONS[place]])[0], scores[place])


def test_clip_scores_a_still_video_as_its_picture(clip, frames):
    still = frames[:, :1]
    torch.testing.assert_close(clip(still.expand(-1, 4, -1, -1, -1), CAPTIONS), clip(still, CAPTIONS))


def test_clip_reads_the_beginning_of_a_long_text(clip, frames):
    assert clip(frames, [f"{caption} and so on and so on" for caption in CAPTIONS]).isfinite().all()


def test_clip_picks_among_candidates(clip, pipeline, task):
    prompt = tiny_inputs(task)["prompt"]
    candidates = all_candidates(pipeline, task, 3, {})
    scores = clip(pipeline.decode_tokens(candidates), [prompt] * 3)
    output = call(pipeline, task, num_candidates=3, scorer=clip)
    assert torch.equal(output.tokens[0], candidates[scores.argmax()])


def test_clip_is_put_into_evaluation_mode(clip):
    assert not clip.model.training
    assert not clip(torch.zeros(1, 1, 3, HEIGHT, WIDTH), ["a sea"]).requires_grad
