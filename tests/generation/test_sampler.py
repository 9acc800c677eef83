# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from itertools import islice

import pytest
import torch
from sampler_cases import drawn_from, generators, random_model, texts

from nuwa_hf.generation import step_plan
from nuwa_hf.generation.cache import ring_bytes
from nuwa_hf.generation.step_plan import count_slots
from nuwa_hf.grid import Grid
from nuwa_hf.modeling import equal_rows, generation_mixin


GRIDS = [(1, 1, 1), (1, 5, 3), (4, 3, 5), (3, 2, 1), (2, 4, 4)]
WINDOWS = [(3, 3, 3), (1, 3, 3), (3, 5, 3)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("grid", GRIDS)
def test_wavefront_gives_the_tokens_of_raster_order(grid, window):
    model = random_model(window)
    settings = {"grid": grid, "guidance_scale": 2.5, "temperature": 0.9, "top_k": 20, "top_p": 0.95}
    wave = model.generate(*texts(), generator=generators(), schedule="wavefront", **settings).tokens
    raster = model.generate(*texts(), generator=generators(), schedule="raster", **settings).tokens
    assert torch.equal(wave, raster)


@pytest.mark.parametrize(("window", "input_window"), [((3, 3, 3), (1, 1, 3)), ((7, 9, 9), (3, 3, 3))])
def test_an_input_from_nearer_than_the_attention_sees_gives_the_same_tokens_in_every_order(window, input_window):
    model, grid = random_model(window, input_window=input_window), (3, 4, 4)
    wave, raster = (
        model.generate(*texts(), generator=generators(), schedule=schedule, grid=grid).tokens
        for schedule in ("wavefront", "raster")
    )
    assert torch.equal(wave, raster)
    assert torch.equal(drawn_from(model(*texts(), visual_tokens=wave).logits, grid), wave)


@pytest.mark.parametrize("window", [(3, 3, 3), (3, 5, 3)])
def test_places_that_attend_in_pieces_get_the_same_tokens(window, monkeypatch):
    settings = {"grid": (4, 5, 5), "guidance_scale": 2.5}
    whole = random_model(window).generate(*texts(), generator=generators(), **settings).tokens
    stream = islice(random_model(window).stream(*texts(), generator=generators(), grid=(None, 5, 5)), 8)
    whole_stream = torch.stack(list(stream), 1)
    monkeypatch.setattr(step_plan, "LARGE_STEP", 0)
    monkeypatch.setattr(generation_mixin, "plan_grid", step_plan.plan_grid.__wrapped__)  # the cached plans are whole
    for frames_at_once in (1, 2):
        monkeypatch.setattr(step_plan, "FRAMES_AT_ONCE", frames_at_once)
        assert torch.equal(random_model(window).generate(*texts(), generator=generators(), **settings).tokens, whole)
        stream = islice(random_model(window).stream(*texts(), generator=generators(), grid=(None, 5, 5)), 8)
        assert torch.equal(torch.stack(list(stream), 1), whole_stream)


PER_ROW = {
    "guidance_scale": [2.5, 1.0, 1.2],
    "temperature": [0.8, 0, 1.3],
    "top_k": [5, 0, None],
    "top_p": [None, 1.0, 0.7],
    "min_p": [0.01, None, 0.0],
}


@pytest.mark.parametrize(
    ("condition", "settings"),
    [("text", {}), ("text", {"guidance_scale": 2.5}), ("negative", PER_ROW), ("sketch", PER_ROW)],
    ids=["plain", "guided", "negative", "sketch"],
)
def test_a_batch_of_three_gives_the_tokens_of_three_single_runs(condition, settings):
    model, (input_ids, attention_mask), grid = random_model(), texts(), (3, 4, 5)
    draw = torch.Generator().manual_seed(3)
    given = {"input_ids": input_ids, "attention_mask": attention_mask}
    if condition == "negative":
        given["negative_input_ids"] = torch.randint(5, 40, (3, 4), generator=draw)
    if condition == "sketch":
        given["sketch_tokens"] = torch.randint(0, 17, (3, *grid), generator=draw)
        given["known_tokens"] = torch.randint(0, 29, (3, *grid), generator=draw)
        given["known_mask"] = torch.rand(3, *grid, generator=draw) < 0.2
    together = model.generate(**given, generator=generators(), grid=grid, **settings).tokens
    for item, generator in enumerate(generators()):
        own = {name: value[item] if isinstance(value, list) else value for name, value in settings.items()}
        row = {name: tensor[[item]] for name, tensor in given.items()}
        alone = model.generate(**row, generator=generator, grid=grid, **own).tokens
        assert torch.equal(alone[0], together[item])


@pytest.mark.parametrize("guidance_scale", [1.0, [2.5, 1.0, 4.0]])
def test_in_float32_waves_raster_order_streaming_and_single_items_give_the_same_tokens(guidance_scale):
    model, (input_ids, attention_mask), grid = random_model(dtype=torch.float32), texts(), (4, 5, 5)
    settings = {"grid": grid, "guidance_scale": guidance_scale, "top_k": 20}
    scales = guidance_scale if isinstance(guidance_scale, list) else [guidance_scale] * 3
    wave = model.generate(*texts(), generator=generators(), **settings).tokens
    raster = model.generate(*texts(), generator=generators(), schedule="raster", **settings).tokens
    streamed = torch.stack(list(model.stream(*texts(), generator=generators(), **settings)), 1)
    alone = [
        model.generate(
            input_ids[[item]], attention_mask[[item]], generator=one, **settings | {"guidance_scale": scales[item]}
        ).tokens
        for item, one in enumerate(generators())
    ]
    for tokens in (raster, streamed, torch.cat(alone)):
        assert torch.equal(tokens, wave)


@pytest.mark.parametrize("grid", GRIDS)
def test_sampled_tokens_are_the_draw_of_one_teacher_forced_pass(grid):
    model, (input_ids, attention_mask) = random_model(), texts()
    tokens = model.generate(input_ids, attention_mask, grid=grid, generator=generators()).tokens
    logits = model(input_ids, attention_mask, visual_tokens=tokens).logits
    assert torch.equal(drawn_from(logits, grid), tokens)


@pytest.mark.parametrize("grid", GRIDS)
def test_greedy_tokens_are_the_argmax_of_one_teacher_forced_pass(grid):
    model, (input_ids, attention_mask) = random_model(), texts()
    tokens = model.generate(input_ids, attention_mask, grid=grid, do_sample=False).tokens
    logits = model(input_ids, attention_mask, visual_tokens=tokens).logits
    assert torch.equal(logits.argmax(-1), tokens)


def test_guided_tokens_are_the_draw_of_two_teacher_forced_passes():
    model, (input_ids, attention_mask) = random_model(), texts()
    tokens = model.generate(
        input_ids, attention_mask, grid=(2, 4, 4), guidance_scale=2.0, generator=generators()
    ).tokens
    text = model(input_ids, attention_mask, visual_tokens=tokens).logits
    none = model(torch.full((3, 1), model.config.none_token_id), visual_tokens=tokens).logits
    assert torch.equal(drawn_from(none + 2.0 * (text - none), (2, 4, 4)), tokens)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.5)])
def test_in_lower_precision_cached_logits_agree_up_to_rounding(dtype, tolerance):
    # bfloat16 keeps 8 bits: logits of size 10 through three layers differ by a few units in the last place.
    model, (input_ids, attention_mask) = random_model(dtype=dtype), texts()
    exact = random_model(dtype=torch.float64)
    seen = []
    model.head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    tokens = model.generate(
        input_ids, attention_mask, grid=(2, 4, 4), schedule="raster", generator=generators()
    ).tokens
    cached = torch.cat(seen, 1).double()
    forced = exact(input_ids, attention_mask, visual_tokens=tokens).logits
    assert (cached - forced.flatten(1, 3)).abs().max() < tolerance
    assert cached.std() > 1  # large logits: the comparison means something


def test_known_tokens_stay_and_the_rest_follows_from_them():
    model, (input_ids, attention_mask) = random_model(), texts()
    generator = torch.Generator().manual_seed(0)
    known = torch.randint(0, 29, (3, 3, 4, 4), generator=generator)
    mask = torch.rand(3, 3, 4, 4, generator=generator) < 0.5
    arguments = {"grid": (3, 4, 4), "known_tokens": known, "known_mask": mask}
    tokens = model.generate(input_ids, attention_mask, generator=generators(), **arguments).tokens
    assert torch.equal(tokens[mask], known[mask])
    logits = model(input_ids, attention_mask, visual_tokens=tokens, known_mask=mask).logits
    assert torch.equal(tokens[~mask], drawn_from(logits, (3, 4, 4))[~mask])


def test_noise_belongs_to_its_place_so_known_tokens_do_not_shift_it():
    model, (input_ids, attention_mask) = random_model(), texts()
    free = model.generate(input_ids, attention_mask, grid=(2, 4, 4), generator=generators()).tokens
    mask = torch.zeros(3, 2, 4, 4, dtype=torch.bool)
    mask[:, 0] = True
    known = {"known_tokens": free, "known_mask": mask, "condition_on_known": False}
    again = model.generate(input_ids, attention_mask, grid=(2, 4, 4), generator=generators(), **known).tokens
    assert torch.equal(again, free)


def visual_conditions(grid):
    generator = torch.Generator().manual_seed(7)
    return {
        "sketch_tokens": torch.randint(0, 17, (3, *grid), generator=generator),
        "known_tokens": torch.randint(0, 29, (3, *grid), generator=generator),
        "known_mask": torch.rand(3, *grid, generator=generator) < 0.5,
    }


# From windows whose few places are gathered, over masked ones, to one that covers the whole grid.
@pytest.mark.parametrize(
    ("guidance_scale", "condition_window"),
    [(1.0, (3, 3, 3)), (2.5, (3, 3, 3)), (2.5, (1, 5, 3)), (2.5, (11, 5, 5)), (2.5, (11, 11, 11))],
)
def test_with_a_sketch_and_a_known_part_wavefront_raster_and_teacher_forcing_agree(guidance_scale, condition_window):
    model, grid = random_model(condition_window=condition_window), (3, 5, 4)
    input_ids, attention_mask = texts()
    conditions = visual_conditions(grid)
    arguments = {"grid": grid, "guidance_scale": guidance_scale, **conditions}
    wave, raster = (
        model.generate(*texts(), generator=generators(), schedule=schedule, **arguments).tokens
        for schedule in ("wavefront", "raster")
    )
    assert torch.equal(wave, raster)
    sketch, mask = conditions["sketch_tokens"], conditions["known_mask"]
    assert torch.equal(wave[mask], conditions["known_tokens"][mask])
    logits = model(input_ids, attention_mask, visual_tokens=wave, sketch_tokens=sketch, known_mask=mask).logits
    if guidance_scale > 1:  # the unconditional pass has no text and no sketch, but the known part
        none = torch.full((3, 1), model.config.none_token_id)
        unconditional = model(none, visual_tokens=wave, known_mask=mask).logits
        logits = unconditional + guidance_scale * (logits - unconditional)
    assert torch.equal(drawn_from(logits, grid)[~mask], wave[~mask])


@pytest.mark.parametrize("is_tiled", [False, True], ids=["interleaved", "tiled"])
@pytest.mark.parametrize("guidance_scale", [1.0, 2.5, [1.0, 3.0, 1.0, 1.0, 1.5, 2.0]])
def test_conditions_of_equal_rows_are_encoded_and_projected_once(guidance_scale, is_tiled):
    """They were for each output and for each row without its conditions: of texts always, of the others where a
    pipeline had repeated them.
    """
    model, grid, encoded, projected = random_model(), (2, 5, 4), [], []
    text = torch.randint(5, 40, (3, 16), generator=torch.Generator().manual_seed(5))
    inputs = {"input_ids": text, "attention_mask": torch.ones_like(text)} | visual_conditions(grid)
    inputs["attention_mask"][1, 9:] = 0

    def sample(times, **given):
        seeds = [torch.Generator().manual_seed(seed) for seed in range(6)]
        given |= {"grid": grid, "guidance_scale": guidance_scale, "generator": seeds}
        return model.generate(num_return_sequences=times, **given).tokens

    def repeated(rows):
        return rows.repeat(2, *[1] * (rows.ndim - 1)) if is_tiled else rows.repeat_interleave(2, 0)

    model.model.encoder.register_forward_pre_hook(lambda _, inputs: encoded.append(len(inputs[0])))
    model.model.decoder.layers[0].cross_attn.k_proj.register_forward_pre_hook(
        lambda _, inputs: projected.append(len(inputs[0]))
    )
    tokens = sample(1, **{name: repeated(rows) for name, rows in inputs.items()})
    texts_in_all = 3 if guidance_scale == 1.0 else 4  # the constant "None" is one
    assert encoded == projected == [texts_in_all, 3, 3]
    if not is_tiled:
        assert torch.equal(sample(2, **inputs), tokens)
        assert encoded == projected == [texts_in_all, 3, 3] * 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equal_rows, "LEAST_PLACES", 100)
        assert torch.equal(sample(1, **{name: repeated(rows) for name, rows in inputs.items()}), tokens)
    assert projected[-1] > 3


def test_texts_that_a_callback_gives_later_are_told_apart_anew():
    model = random_model()
    states = torch.randn(2, 16, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def drawn(first, later):
        callback = {"callback": lambda step, *_: {"encoder_hidden_states": later} if step == 0 else None}
        seeds = [torch.Generator().manual_seed(seed) for seed in range(2)]
        return model.generate(encoder_hidden_states=first, generator=seeds, **callback).tokens

    equal, other = states[:1].repeat(2, 1, 1), states.flip(0)
    assert torch.equal(drawn(equal, other)[0], drawn(equal, states[[1, 1]])[0])
    assert torch.equal(drawn(equal, other)[1], drawn(equal, equal)[1])


def test_the_papers_way_does_not_condition_on_the_known_part():
    model, grid = random_model(), (2, 4, 4)
    conditions = visual_conditions(grid)
    known = {name: conditions[name] for name in ("known_tokens", "known_mask")}
    mask = conditions["known_mask"]
    both_ways, papers = (
        model.generate(*texts(), grid=grid, generator=generators(), condition_on_known=flag, **known).tokens
        for flag in (True, False)
    )
    logits = model(*texts(), visual_tokens=papers).logits
    assert torch.equal(papers[~mask], drawn_from(logits, grid)[~mask])
    assert not torch.equal(papers, both_ways)


def test_sampling_does_not_change_its_arguments():
    model, conditions = random_model(), visual_conditions((2, 4, 4))
    before = {name: tensor.clone() for name, tensor in conditions.items()}
    model.generate(*texts(), grid=(2, 4, 4), generator=generators(), **conditions)
    for name, tensor in conditions.items():
        assert torch.equal(tensor, before[name])


def test_callback_sees_every_step_and_can_stop():
    model, (input_ids, attention_mask) = random_model(), texts()
    steps = []

    def stop_at_three(step, num_steps, tokens):
        steps.append((step, num_steps))
        return step == 3

    tokens = model.generate(
        input_ids, attention_mask, grid=(2, 4, 4), generator=generators(), callback=stop_at_three
    ).tokens
    assert steps == [(step, model.num_generation_steps((2, 4, 4))) for step in range(4)]
    full = model.generate(input_ids, attention_mask, grid=(2, 4, 4), generator=generators()).tokens
    assert torch.equal(tokens[:, 0, 0], full[:, 0, 0])
    assert (tokens[:, 1] == 0).all()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("token", [-1, 29])
def test_tokens_that_a_callback_writes_are_in_the_codebook(token, mode):
    """A later step ended in an `IndexError` of the embedding, or they came back."""

    def write(step, num_steps, tokens):
        tokens[1, 0, 0, 0] = token if step == num_steps - 1 else 28

    with mode(), pytest.raises(ValueError, match=r"`tokens` must lie in \[0, 29\).* got"):
        random_model().generate(*texts(), grid=(2, 3, 3), callback=write)


@pytest.mark.parametrize("answer", [torch.zeros(3, 1, 2, 2).long(), 1, [True]], ids=["tokens", "number", "list"])
def test_a_callback_returns_what_counts_later_and_nothing_else(answer):
    with pytest.raises(TypeError, match=r"`callback` must return True to stop, a dict .* or None, got"):
        random_model().generate(*texts(), grid=(1, 2, 2), callback=lambda *_: answer)


def test_callback_guides_later_steps():
    model, settings = random_model(), {"grid": (2, 4, 4), "guidance_scale": 2.5}

    def drawn(scale):
        callback = {"callback": lambda step, *_: {"guidance_scale": scale} if step == 0 else None}
        return model.generate(*texts(), generator=generators(), **callback, **settings).tokens

    assert torch.equal(drawn(6.0), drawn([6.0, 6.0, 6.0]))
    mixed = drawn([6.0, 2.5, 0.0])
    assert torch.equal(mixed[0], drawn(6.0)[0])
    assert torch.equal(mixed[1], model.generate(*texts(), generator=generators(), **settings).tokens[1])
    assert torch.equal(mixed[2], drawn(1.0)[2])
    assert not torch.equal(drawn(6.0), drawn(1.0))


@pytest.mark.parametrize("scale", [[2.0, 3.0], [2.0] * 4, [2.0, 3.0, float("inf")], "2", float("nan")])
def test_scales_of_a_callback_are_one_number_or_one_for_each_output(scale):
    with pytest.raises(ValueError, match="a finite number, or a list with one for each of the 3 outputs"):
        random_model().generate(*texts(), guidance_scale=2.5, callback=lambda *_: {"guidance_scale": scale})


def test_cache_takes_the_stated_memory():
    model, grid, sizes = random_model(dtype=torch.float32), Grid(3, 4, 5), []

    def measure(decoder, inputs, arguments, output):
        sizes.append(sum(layer.key.nbytes + layer.value.nbytes for layer in arguments["cache"].layers))

    model.model.decoder.register_forward_hook(measure, with_kwargs=True)
    model.generate(*texts(), grid=grid)
    num_slots = count_slots(grid, (3, 3, 3), "wavefront")
    assert set(sizes) == {ring_bytes(3, num_slots, 3, 24, torch.float32)}
    num_slots = count_slots(Grid(10, 21, 21), (3, 3, 3), "wavefront")
    assert ring_bytes(24, num_slots, 1, 1280, torch.bfloat16) == 2 * 24 * num_slots * 1280 * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": (5, 5, 5)}, "the grid's `t` must be at most 4"),
        ({"grid": (0, 5, 5)}, "`t` of a Grid must be a whole number of at least 1"),
        ({"grid": (1, 2, 2), "schedule": "fast"}, "`schedule` must be one of"),
        ({"grid": (1, 2, 2), "temperature": -1.0}, "`temperature` must be"),
        ({"grid": (1, 2, 2), "top_p": 0.0}, "`top_p` must be"),
        ({"grid": (1, 2, 2), "min_p": [0.5, 0.1]}, "`min_p` must be one number.* each of the 3 outputs.* got 2"),
        ({"grid": (1, 2, 2), "generator": [torch.Generator()]}, "each of the 3 outputs.* got 1"),
        ({"grid": (1, 2, 2), "known_tokens": torch.zeros(3, 1, 2, 2).long()}, "`known_mask` is missing"),
        (
            {
                "grid": (1, 2, 2),
                "known_tokens": torch.full((3, 1, 2, 2), 29),
                "known_mask": torch.ones(3, 1, 2, 2, dtype=torch.bool),
            },
            r"`known_tokens` must be in \[0, 29\)",
        ),
        (
            {
                "grid": (1, 2, 2),
                "known_tokens": torch.zeros(3, 1, 2, 3).long(),
                "known_mask": torch.ones(3, 1, 2, 2, dtype=torch.bool),
            },
            "`known_tokens` must have shape",
        ),
        ({"grid": (1, 2, 2), "sketch_tokens": torch.full((3, 1, 2, 2), 17)}, r"`sketch_tokens` must be in \[0, 17\)"),
        ({"sketch_tokens": torch.zeros(1, 1, 2, 2).long()}, "`sketch_tokens` must have as many rows as the texts, 3"),
        ({"sketch_tokens": torch.zeros(6, 1, 2, 2).long()}, "as many rows as the texts, 3, got 6"),
        ({"grid": (1, 2, 2), "guidance_scale": 2.0, "negative_input_ids": torch.ones(2, 3).long()}, "as many rows"),
        ({"attention_mask": torch.ones(3, 5)}, r"`attention_mask` must have shape \(3, 6\), got \(3, 5\)"),
        ({"attention_mask": torch.ones(1, 6)}, r"`attention_mask` must have shape \(3, 6\), got \(1, 6\)"),
        (
            {"negative_input_ids": torch.ones(3, 4).long(), "negative_attention_mask": torch.ones(3, 6)},
            r"`negative_attention_mask` must have shape \(3, 4\), got \(3, 6\)",
        ),
        ({"guidance_scale": 2.0, "negative_attention_mask": torch.ones(3, 6)}, "must stand beside `negative_input"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    model, (input_ids, attention_mask), calls = random_model(), texts(), []
    for layer in model.modules():
        layer.register_forward_pre_hook(lambda *_: calls.append(1))
    with pytest.raises(ValueError, match=message):
        model.generate(**{"input_ids": input_ids, "attention_mask": attention_mask, **arguments})
    assert not calls
