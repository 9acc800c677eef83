# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments that `generate` and `stream` take in the manner of transformers, and those they refuse by name."""

import inspect
import math

import pytest
import torch
from tiny import tiny_transformer
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation import MinPLogitsWarper, SuppressTokensLogitsProcessor

from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.modeling.sampling_arguments import NAMES


TEXT = torch.randint(5, 128, (2, 6), generator=torch.Generator().manual_seed(0))
GRID = (2, 3, 4)


@pytest.fixture(scope="module")
def model():
    return tiny_transformer().double()


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def both_ways(model, text=TEXT, **arguments):
    """The tokens of `generate`, after a check that `stream` gives the same ones."""
    given = {"grid": GRID, **arguments}
    seeds = range(len(text) * given.get("num_return_sequences", 1))
    tokens = model.generate(text, generator=generators(*seeds), **given).tokens
    assert torch.equal(torch.stack(list(model.stream(text, generator=generators(*seeds), **given)), 1), tokens)
    return tokens


@pytest.mark.parametrize("name", ["generate", "stream"])
def test_signature_and_help_show_every_argument(name):
    method = getattr(NuwaForConditionalGeneration, name)
    parameters = inspect.signature(method).parameters
    assert list(parameters)[-len(NAMES) :] == list(NAMES)
    lines = inspect.getdoc(method).splitlines()
    described = [line.split()[0] for line in lines if line[:4] == "    " != line[4:8] and " (`" in line]
    assert described == [parameter for parameter in parameters if parameter != "self"]


def test_grid_is_the_learnt_one_by_default(model):
    whole = model.generate(TEXT, grid=model.config.visual_grid, do_sample=False).tokens
    assert torch.equal(model.generate(TEXT, do_sample=False).tokens, whole)
    assert torch.equal(torch.stack(list(model.stream(TEXT, do_sample=False)), 1), whole)


@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
def test_without_a_mask_padding_is_no_text(model, guidance_scale):
    """As transformers infers it."""
    padded = torch.nn.functional.pad(TEXT, (0, 3), value=model.config.pad_token_id)
    padded[1, 4:] = model.config.pad_token_id
    settings = {"guidance_scale": guidance_scale, "negative_input_ids": padded.flip(0)}
    masks = {"attention_mask": padded != 0, "negative_attention_mask": padded.flip(0) != 0}
    tokens = both_ways(model, padded, **settings)
    assert torch.equal(tokens, both_ways(model, padded, **settings, **masks))
    read = {name: torch.ones_like(padded) for name in masks}
    assert not torch.equal(tokens, both_ways(model, padded, **settings, **read))
    assert torch.equal(
        tokens[:1], both_ways(model, TEXT[:1], guidance_scale=guidance_scale, negative_input_ids=padded[1:, :4])
    )


def test_outputs_of_one_input_are_adjacent(model):
    known = {
        "known_tokens": torch.randint(0, 32, (2, *GRID)),
        "known_mask": torch.rand(2, *GRID) < 0.3,
        "sketch_tokens": torch.randint(0, 16, (2, *GRID)),
        "negative_input_ids": TEXT.flip(0),
        "attention_mask": torch.ones_like(TEXT),
    }
    repeated = {name: tensor.repeat_interleave(3, 0) for name, tensor in known.items()}
    for scale in (1.0, 2.0):
        once = both_ways(model, TEXT.repeat_interleave(3, 0), guidance_scale=scale, **repeated)
        assert torch.equal(both_ways(model, num_return_sequences=3, guidance_scale=scale, **known), once)


def test_number_of_outputs_may_come_from_the_generation_config(model):
    config = GenerationConfig(num_return_sequences=2, do_sample=True)
    assert model.generate(TEXT, grid=GRID, generation_config=config).tokens.shape == (4, *GRID)
    assert model.generate(TEXT, grid=GRID, generation_config=config, num_return_sequences=1).tokens.shape[0] == 2
    with pytest.raises(ValueError, match="each of the 6 outputs"):
        model.generate(TEXT, grid=GRID, num_return_sequences=3, generator=generators(1, 2))


@pytest.mark.parametrize("number", [0, 1.5, True])
def test_number_of_outputs_is_a_whole_number(model, number):
    with pytest.raises(ValueError, match="`num_return_sequences` must be"):
        model.generate(TEXT, num_return_sequences=number)


def test_temperature_of_zero_and_no_sampling_choose_the_likeliest_token(model):
    likeliest = both_ways(model, do_sample=False)
    assert torch.equal(model(TEXT, visual_tokens=likeliest).logits.argmax(-1), likeliest)
    assert torch.equal(both_ways(model, temperature=0, do_sample=True), likeliest)
    assert torch.equal(both_ways(model, top_k=1), likeliest)


def test_top_k_of_zero_and_min_p_of_zero_keep_all_tokens(model):
    config = GenerationConfig(top_k=1, min_p=1.0)
    assert torch.equal(both_ways(model, generation_config=config, top_k=0, min_p=0.0), both_ways(model))


def test_min_p_is_that_of_transformers(model):
    kept = both_ways(model, min_p=0.3)
    logits = model(TEXT, visual_tokens=kept).logits.flatten(0, 3)
    assert MinPLogitsWarper(0.3)(None, logits).gather(1, kept.view(-1, 1)).isfinite().all()
    assert not torch.equal(kept, both_ways(model))
    assert torch.equal(kept, both_ways(model, generation_config=GenerationConfig(min_p=0.3)))


@pytest.mark.parametrize("do_sample", [True, False])
def test_logits_processors_come_before_the_warpers_and_see_guided_rows(model, do_sample):
    seen = []

    def watch(input_ids, scores):
        seen.append((input_ids, scores.shape, scores.isfinite().all()))
        return scores

    forbidden = list(range(0, 32, 2))
    processors = LogitsProcessorList([watch, SuppressTokensLogitsProcessor(forbidden)])
    settings = {"top_k": 3, "guidance_scale": 2.0, "do_sample": do_sample}
    tokens = both_ways(model, logits_processor=processors, **settings)
    assert (tokens % 2 == 1).all()
    assert {len(shape) for _, shape, _ in seen} == {2}
    assert {shape[1] for _, shape, _ in seen} == {32}
    assert sum(shape[0] for _, shape, _ in seen) == 2 * 2 * math.prod(GRID)  # both ways, two items
    assert all(input_ids is None and is_finite for input_ids, _, is_finite in seen)


def test_one_logits_processor_must_be_in_a_list(model):
    with pytest.raises(TypeError, match="`logits_processor` must be a `LogitsProcessorList`"):
        model.generate(TEXT, logits_processor=SuppressTokensLogitsProcessor([1]))


@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
def test_scores_are_what_the_tokens_were_drawn_by(model, guidance_scale):
    settings = {"grid": GRID, "guidance_scale": guidance_scale, "top_k": 3, "temperature": 0.5}
    output = model.generate(TEXT, generator=generators(0, 1), output_scores=True, **settings)
    assert output.scores.shape == (2, *GRID, 32)
    assert (output.scores.isfinite().sum(-1) == 3).all()
    assert output.scores.gather(-1, output.tokens[..., None]).isfinite().all()
    greedy = model.generate(TEXT, **{**settings, "do_sample": False}, output_scores=True)
    assert torch.equal(greedy.scores.argmax(-1), greedy.tokens)
    assert model.generate(TEXT, grid=GRID, do_sample=False).scores is None


def test_scores_of_each_row_are_those_of_its_own_call(model):
    """Those of the likeliest tokens were also cut by top-k, top-p and min-p where other rows were drawn."""
    shared = {"grid": GRID, "output_scores": True, "top_p": 0.8, "min_p": 0.05}
    both = model.generate(TEXT, generator=generators(0, 1), temperature=[0.7, 0.0], top_k=[3, 2], **shared)
    assert both.scores[1].isfinite().all()
    for row, settings in enumerate(({"temperature": 0.7, "top_k": 3}, {"temperature": 0.0, "top_k": 2})):
        alone = model.generate(TEXT[[row]], generator=generators(row), **settings, **shared)
        assert torch.equal(both.tokens[[row]], alone.tokens)
        torch.testing.assert_close(both.scores[[row]], alone.scores)


def test_tokens_alone_are_returned_on_request(model):
    whole = model.generate(TEXT, grid=GRID, do_sample=False)
    assert torch.equal(model.generate(TEXT, grid=GRID, do_sample=False, return_dict_in_generate=False), whole.tokens)
    config = GenerationConfig(return_dict_in_generate=False, do_sample=False)
    assert torch.equal(model.generate(TEXT, grid=GRID, generation_config=config), whole.tokens)
    config = GenerationConfig(output_scores=True, return_dict_in_generate=True)
    assert model.generate(TEXT, grid=GRID, generation_config=config).scores is not None


def test_what_a_generation_config_leaves_open_comes_from_that_of_the_model(model):
    own = tiny_transformer().double()
    own.generation_config.update(top_k=1)
    assert torch.equal(both_ways(own, generation_config=GenerationConfig(temperature=3.0)), both_ways(own, top_k=1))


REFUSED = {"num_beams": 4, "repetition_penalty": 1.3, "typical_p": 0.9, "max_new_tokens": 5, "use_cache": False}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_settings_of_transformers_are_refused_by_name(model, name):
    with pytest.raises(ValueError, match=f"`{name}` must be left out, got {REFUSED[name]}"):
        model.generate(TEXT, **{name: REFUSED[name]})
    with pytest.raises(ValueError, match=f"`{name}` must be left out"):
        model.stream(TEXT, generation_config=GenerationConfig(**{name: REFUSED[name]}))


def test_settings_that_change_nothing_are_accepted(model):
    nothing = {"num_beams": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "use_cache": True}
    plain = both_ways(model)
    assert torch.equal(both_ways(model, **nothing), plain)
    config = GenerationConfig(**nothing, pad_token_id=3, a_name_of_the_user="anything")
    assert torch.equal(both_ways(model, generation_config=config), plain)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("temprature", "did you mean `temperature`[?] There"), ("callbacks", "`callback`"), ("x", "There is")],
)
def test_an_unknown_argument_is_refused_with_the_nearest_names(model, name, nearest):
    with pytest.raises(TypeError, match=f"no argument `{name}`.*{nearest}|There is no argument `{name}`\\. There are"):
        model.generate(TEXT, **{name: 1})


def test_of_several_unknown_arguments_the_first_is_named(model):
    for names in (["temprature", "callbacks"], ["callbacks", "temprature"]):
        with pytest.raises(TypeError, match=f"no argument `{names[0]}`"):
            model.generate(TEXT, **dict.fromkeys(names, 1))


def test_nothing_is_drawn_in_steps_whose_places_are_all_given(model):
    counts = []

    def count(input_ids, scores):
        counts.append(len(scores))
        return scores

    known_mask = torch.zeros(2, *GRID, dtype=torch.bool)
    known_mask[:, 0] = True
    known = {"known_tokens": torch.zeros(2, *GRID, dtype=torch.long), "known_mask": known_mask}
    both_ways(model, logits_processor=LogitsProcessorList([count]), **known)
    assert min(counts) > 0
    assert sum(counts) == 2 * (~known_mask).sum()  # once by `generate`, once by `stream`
