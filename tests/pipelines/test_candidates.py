# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Of several candidates the best is kept, by whoever judges."""

import numpy as np
import pytest
import torch
from memory_meter import MemoryMeter
from tiny import CAPTIONS, CODEBOOK_SIZE, FRAME_SIZE, VISUAL_GRID, seeded, tiny_batch, tiny_inputs, tiny_pipeline
from tiny_clip import tiny_whole_clip

from nuwa_hf import ClipScorer, NuwaConfig, NuwaForConditionalGeneration, NuwaVQGAN
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.sampling_memory import sampling_memory
from nuwa_hf.pipelines import token_generation
from nuwa_hf.pipelines.candidates import BestSoFar, candidate_generators, candidates_at_once
from nuwa_hf.pipelines.scorers import likelihood_ratio


TASKS = ("T2I", "TV2V")
WIDTH, HEIGHT = FRAME_SIZE
MEMORY = {1: 1, 700_000: 2, 2**30: 3}  # bytes to spare: candidates that are sampled at once, of two outputs each


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(task):
    return tiny_pipeline(task)


@pytest.fixture(scope="module")
def three_candidates(pipeline, task):
    return all_candidates(pipeline, task, 3)


class Spy:
    """Gives the scores it was made with, one after the other, and remembers what it saw."""

    def __init__(self, *scores):
        self.scores = iter(scores)
        self.seen = []

    def __call__(self, frames, prompts):
        self.seen.append((frames.clone(), list(prompts)))
        return torch.tensor([next(self.scores) for _ in prompts])


def call(pipeline, task, **arguments):
    return pipeline(**{"generator": seeded(0)[0], "output_type": "pt", **tiny_inputs(task), **arguments})


def all_candidates(pipeline, task, count, **arguments):
    """The candidates of one output, each from a call of its own."""
    generators = [one for (one,) in candidate_generators(seeded(0)[0], 1, count, torch.device("cpu"))]
    return torch.cat([call(pipeline, task, generator=[one], **arguments).tokens for one in generators])


@pytest.mark.parametrize("best", [0, 2])
def test_candidate_of_highest_score_is_kept(pipeline, task, three_candidates, best):
    scorer = Spy(*(2.0 if place == best else -float(place) for place in range(3)))
    output = call(pipeline, task, num_candidates=3, scorer=scorer)
    assert len(three_candidates.unique(dim=0)) == 3
    assert torch.equal(output.tokens[0], three_candidates[best])
    assert [prompts for _, prompts in scorer.seen] == [[tiny_inputs(task)["prompt"]]] * 3
    frames = torch.cat([frames for frames, _ in scorer.seen])
    assert frames.shape == (3, three_candidates.shape[1], 3, HEIGHT, WIDTH)
    assert frames.min() >= 0
    assert frames.max() <= 1
    torch.testing.assert_close(frames, pipeline.decode_tokens(three_candidates))


def test_each_output_keeps_its_own_best(pipeline, task):
    name = "num_images_per_prompt" if task.endswith("I") else "num_videos_per_prompt"
    inputs, generators = tiny_batch(task, (0, 1)), candidate_generators(seeded(1, 2, 3, 4), 4, 2, torch.device("cpu"))
    first, second = (pipeline(**inputs, **{name: 2}, generator=row, output_type="latent").tokens for row in generators)
    scorer = Spy(1, 5, 3, 2, 4, 0, 3, 8)
    output = pipeline(
        **inputs, **{name: 2}, generator=seeded(1, 2, 3, 4), num_candidates=2, scorer=scorer, output_type="latent"
    )
    assert torch.equal(output.tokens, torch.stack([second[0], first[1], first[2], second[3]]))
    assert [prompts for _, prompts in scorer.seen] == [[one for one in inputs["prompt"] for _ in range(2)]] * 2


def test_one_candidate_is_none_and_asks_nobody(pipeline, task):
    scorer = Spy()
    output = call(pipeline, task, num_candidates=1, scorer=scorer)
    assert torch.equal(output.tokens, call(pipeline, task).tokens)
    assert not scorer.seen


def test_first_candidate_is_the_output_of_a_call_without_candidates(pipeline, task):
    """So more candidates never give a worse one, and the generator is left where such a call leaves it."""
    states = []
    for arguments in ({}, {"num_candidates": 3, "scorer": Spy(2, 1, 1)}):
        (generator,) = seeded(0)
        states.append((call(pipeline, task, generator=generator, **arguments).tokens, generator.get_state()))
    assert all(torch.equal(*pair) for pair in zip(*states, strict=True))


def watch_rows(module):
    """Rows of everything that a module is called with from now on."""
    rows = []

    def note(module, arguments, named):
        rows.append(len((*arguments, *named.values())[0]))

    module.register_forward_pre_hook(note, with_kwargs=True)
    return rows


@pytest.mark.parametrize("generator", ["list", "one", "the same twice", None])
def test_candidates_do_not_depend_on_how_many_are_sampled_at_once(monkeypatch, generator):
    found = []
    for memory, most in MEMORY.items():
        monkeypatch.setattr(token_generation, "MEMORY_TO_SPARE", memory)
        pipeline = tiny_pipeline("T2V").to(torch.float64)
        rows, pictures = watch_rows(pipeline.transformer.model.encoder), watch_rows(pipeline.vqgan.decoder)
        torch.manual_seed(3)
        one, two = seeded(1, 2)
        found.append(
            pipeline(
                list(CAPTIONS[:2]),
                generator={"list": [one, two], "one": one, "the same twice": [one, one], None: None}[generator],
                num_frames=VISUAL_GRID[0] + 1,
                num_candidates=3,
                scorer=lambda frames, prompts: frames.flatten(1).mean(1),
                output_type="latent",
            ).tokens
        )
        assert max(rows) == 2 * most
        assert max(pictures) == 2 * VISUAL_GRID[0]  # each candidate is decoded alone
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0][0], found[0][1])


@pytest.mark.parametrize(
    ("task", "arguments", "number"),
    [
        ("T2V", {}, 0),
        ("T2V", {"num_frames": VISUAL_GRID[0] + 1}, 1),
        ("TV2V", {}, 1),
        ("TV2V", {"condition_on_known": False}, 0),
    ],
)
def test_what_is_known_counts_where_it_is_a_condition_too(task, arguments, number, monkeypatch):
    pipeline, grid = tiny_pipeline(task), Grid(*VISUAL_GRID)
    one, two = (
        sampling_memory(pipeline.transformer, grid, batch_size=count, condition_places=number * grid.numel).total
        for count in (1, 2)
    )
    for memory, most in ((2 * (two - one), 2), (2 * (two - one) - 1, 1)):
        monkeypatch.setattr(token_generation, "MEMORY_TO_SPARE", memory)
        rows = watch_rows(pipeline.transformer.model.encoder)
        call(pipeline, task, num_candidates=3, scorer=Spy(*range(6)), output_type="latent", **arguments)
        assert max(rows) == most


def test_memory_does_not_grow_with_the_candidates(monkeypatch):
    monkeypatch.setattr(token_generation, "MEMORY_TO_SPARE", 1)
    pipeline = tiny_pipeline("TV2V")
    pipeline.vqgan.enable_slicing()  # decoding leaves no room for two candidates at once
    call(pipeline, "TV2V")  # weights are laid out by the first call
    for scorer in (None, lambda frames, prompts: frames.flatten(1).mean(1)):
        peaks = []
        for count in (3, 4):
            with MemoryMeter() as meter:
                call(pipeline, "TV2V", num_candidates=count, scorer=scorer)
            peaks.append(meter.peak)
        assert peaks[0] == peaks[1]


def test_pixels_make_room_for_candidates_that_are_sampled_at_once():
    """What decoding one output takes, candidates may take together before."""
    with torch.device("meta"):
        model, vqgan = NuwaForConditionalGeneration(NuwaConfig()), NuwaVQGAN()
    settings = {"num_outputs": 1, "uses_guidance": False, "schedule": "wavefront"}
    for num_frames in (1, 10):
        grid = Grid(num_frames, 21, 21)
        memory = vqgan.decoding_memory(num_frames, 336, 336)
        at_once = candidates_at_once(model, grid, memory, **settings)
        one, all_of_them = (sampling_memory(model, grid, batch_size=count).total for count in (1, at_once + 1))
        assert all_of_them - one <= memory
        assert at_once > 1
        assert candidates_at_once(model, grid, 1, **settings) == 1


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
    candidates = all_candidates(pipeline, task, 4)
    conditions = pipeline.text_conditions([tiny_inputs(task)["prompt"]], batch_size=4)
    if task == "TV2V":
        inputs = tiny_inputs(task)
        frames, masks = torch.from_numpy(inputs["video"]), torch.from_numpy(inputs["mask"])
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
        logits = model(visual_tokens=tokens, **arguments).logits.flatten(1, 3)
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
    none = pipeline.text_conditions(None, batch_size=2)
    assert likelihood_ratio(pipeline.transformer, tokens, none).tolist() == [0.0, 0.0]


def test_best_of_equal_scores_is_the_first():
    tokens, best = torch.arange(6).view(3, 2, 1, 1, 1), BestSoFar()
    for candidates, scores in zip(tokens, torch.tensor([[1.0, -5.0], [1.0, 7.0], [0.0, 7.0]]), strict=True):
        best.add(candidates, scores)
    assert best.tokens.flatten().tolist() == [0, 3]


@pytest.mark.parametrize(
    "scores",
    [
        torch.tensor([float("nan")]),
        torch.tensor([float("inf")]),
        torch.tensor([1.0, 2.0]),
        torch.tensor(1.0),
        torch.ones(1, 1),
        torch.ones(100),
        np.array([1.0, 2.0]),
        [[1.0], [2.0, 3.0]],
        ["good"],
        None,
    ],
)
def test_scores_that_are_not_one_finite_number_for_each_are_refused(scores):
    pipeline = tiny_pipeline("T2I")
    with pytest.raises(
        ValueError, match="`scorer` must return one finite number for each of the 1 outputs, as a tensor"
    ):
        call(pipeline, "T2I", num_candidates=3, scorer=lambda frames, prompts: scores)


def test_scores_may_be_an_array_or_a_list():
    pipeline, scores = tiny_pipeline("T2I"), [1.0, 3.0, 2.0]
    expected = call(pipeline, "T2I", num_candidates=3, scorer=Spy(*scores)).tokens
    for form in (list, np.array):
        spy = Spy(*scores)
        found = call(
            pipeline, "T2I", num_candidates=3, scorer=lambda *given, spy=spy, form=form: form(spy(*given).tolist())
        )
        assert torch.equal(found.tokens, expected)


def test_long_video_keeps_the_best_of_every_chunk():
    pipeline, seen = tiny_pipeline("T2V"), []

    def scorer(frames, prompts):
        seen.append(frames)
        return frames.flatten(1).mean(1)

    output = call(pipeline, "T2V", num_frames=5, num_candidates=3, scorer=scorer, overlap_frames=1)
    assert [frames.shape[:2] for frames in seen] == [(1, 3)] * 6
    seen = [torch.cat(seen[:3]), torch.cat(seen[3:])]
    brightest = [frames[frames.flatten(1).mean(1).argmax()] for frames in seen]
    torch.testing.assert_close(output.frames[0, :3], brightest[0])
    torch.testing.assert_close(output.frames[0, 2:], brightest[1])
    for frames in seen[1]:  # every candidate of the second chunk goes on from the best of the first
        torch.testing.assert_close(frames[0], brightest[0][2])


@pytest.mark.parametrize("finished", [0, 2])
def test_interrupted_call_keeps_the_best_of_the_finished_candidates(monkeypatch, finished):
    monkeypatch.setattr(token_generation, "MEMORY_TO_SPARE", 1)
    pipeline, scorer = tiny_pipeline("T2I"), Spy(1, 2)
    pipeline.vqgan.enable_slicing()
    num_waves = pipeline.transformer.num_generation_steps((1, *VISUAL_GRID[1:]))

    def callback(pipe, step, timestep, callback_kwargs):
        assert pipe.num_timesteps == 3 * num_waves
        pipe.interrupt = step == finished * num_waves + 1

    output = call(pipeline, "T2I", num_candidates=3, scorer=scorer, callback_on_step_end=callback)
    assert len(scorer.seen) == finished
    assert len(output.images) == 1
    if finished:
        assert torch.equal(output.tokens, all_candidates(pipeline, "T2I", 3)[[1]])


@pytest.mark.parametrize("later", [5.0, 0.0])
def test_later_candidates_are_guided_as_a_callback_has_left_it(monkeypatch, later):
    """Those that were not sampled with the first ones were guided as the call began."""
    monkeypatch.setattr(token_generation, "MEMORY_TO_SPARE", 1)
    pipeline = tiny_pipeline("T2I").to(torch.float64)
    pipeline.vqgan.enable_slicing()
    num_waves = pipeline.transformer.num_generation_steps((1, *VISUAL_GRID[1:]))

    def callback(pipe, step, timestep, callback_kwargs):
        if step == num_waves - 1:  # the last one of the first candidate
            pipe._guidance_scale = later

    guided = {"guidance_scale": 2.0, "num_candidates": 3, "callback_on_step_end": callback}
    found = call(pipeline, "T2I", scorer=Spy(0, 1, 2), **guided).tokens
    expected = all_candidates(pipeline, "T2I", 3, guidance_scale=max(later, 1.0))
    assert torch.equal(found[0], expected[2])
    assert not torch.equal(found[0], all_candidates(pipeline, "T2I", 3, guidance_scale=2.0)[2])


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
    return ClipScorer(*tiny_whole_clip())


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


def test_clip_picks_among_candidates(clip, pipeline, task, three_candidates):
    prompt = tiny_inputs(task)["prompt"]
    scores = clip(pipeline.decode_tokens(three_candidates), [prompt] * 3)
    output = call(pipeline, task, num_candidates=3, scorer=clip)
    assert torch.equal(output.tokens[0], three_candidates[scores.argmax()])


def test_clip_is_put_into_evaluation_mode(clip):
    assert not clip.model.training
    assert not clip(torch.zeros(1, 1, 3, HEIGHT, WIDTH), ["a sea"]).requires_grad
