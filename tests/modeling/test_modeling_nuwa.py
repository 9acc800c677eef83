# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_config, tiny_transformer
from transformers import AutoModel, AutoModelForSeq2SeqLM

from nuwa_hf import NuwaForConditionalGeneration, NuwaModel
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.nearby_attention import causal_offsets


IMPLEMENTATIONS = ["eager", "nearby", "sdpa", "flex_attention", "nearby_reference", "nearby_shift_and_add"]


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    input_ids = torch.randint(5, 100, (2, 7), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 4:] = 0
    tokens = torch.randint(0, CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator)
    return {"input_ids": input_ids, "attention_mask": attention_mask, "visual_tokens": tokens}


@pytest.fixture
def all_conditions(inputs):
    """Text, a sketch that the second item does not have, and a known part."""
    generator = torch.Generator().manual_seed(1)
    sketch_attention_mask = torch.ones(2, *VISUAL_GRID, dtype=torch.bool)
    sketch_attention_mask[1] = False
    return {
        **inputs,
        "sketch_tokens": torch.randint(0, SKETCH_CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator),
        "sketch_attention_mask": sketch_attention_mask,
        "known_mask": torch.rand(2, *VISUAL_GRID, generator=generator) < 0.5,
    }


@pytest.mark.parametrize("implementation", ["eager", "nearby", "sdpa", "nearby_shift_and_add"])
def test_logits_before_and_at_a_changed_token_stay_bit_equal(inputs, implementation):
    model = tiny_transformer().double()
    model.set_attn_implementation(implementation)
    before = model(**inputs).logits.flatten(1, 3)
    flat = inputs["visual_tokens"].flatten(1)
    for place in range(flat.shape[1]):
        changed = flat.clone()
        changed[:, place] = (changed[:, place] + 1) % CODEBOOK_SIZE
        after = model(**{**inputs, "visual_tokens": changed.view(2, *VISUAL_GRID)}).logits.flatten(1, 3)
        assert torch.equal(after[:, : place + 1], before[:, : place + 1])
        if place + 1 < flat.shape[1] and (place + 1) % VISUAL_GRID[2]:
            assert not torch.equal(after[:, place + 1], before[:, place + 1])  # its neighbour on the right sees it


@pytest.mark.parametrize("implementation", [name for name in IMPLEMENTATIONS if name != "eager"])
def test_every_attention_implementation_gives_the_same_logits_and_gradients(all_conditions, implementation):
    results = []
    for name in ("eager", implementation):
        model = tiny_transformer().double()
        model.set_attn_implementation(name)
        output = model(**all_conditions, labels=all_conditions["visual_tokens"])
        output.loss.backward()
        results.append([output.logits, *(parameter.grad for parameter in model.parameters())])
    for eager, other in zip(*results, strict=True):
        torch.testing.assert_close(other, eager, atol=1e-10, rtol=1e-10)


def test_padding_does_not_reach_the_logits(inputs):
    model = tiny_transformer().double()
    logits = model(**inputs).logits
    ids = inputs["input_ids"].clone()
    ids[1, 4:] = 0
    torch.testing.assert_close(model(**{**inputs, "input_ids": ids}).logits, logits)
    short = model(inputs["input_ids"][1:, :4], visual_tokens=inputs["visual_tokens"][1:]).logits
    torch.testing.assert_close(short, logits[1:])


def test_text_changes_the_logits(inputs):
    model = tiny_transformer()
    ids = inputs["input_ids"].clone()
    ids[0, 2] += 1
    after, before = (model(**{**inputs, "input_ids": one}).logits for one in (ids, inputs["input_ids"]))
    assert not torch.equal(after[0], before[0])
    assert torch.equal(after[1], before[1])


def test_loss_is_the_mean_over_counted_labels_at_the_same_place(inputs):
    model = tiny_transformer().double()
    labels = inputs["visual_tokens"].clone()
    labels[:, 0] = -100
    output = model(**inputs, labels=labels)
    log_probabilities = output.logits.log_softmax(-1)
    picked = log_probabilities.gather(-1, inputs["visual_tokens"][..., None])[:, 1:]
    torch.testing.assert_close(output.loss, -picked.mean().float(), check_dtype=False)


def test_labels_serve_as_tokens(inputs):
    model = tiny_transformer()
    labels = inputs.pop("visual_tokens")
    assert torch.equal(model(**inputs, labels=labels).loss, model(**inputs, visual_tokens=labels, labels=labels).loss)


def test_tokens_of_32_bits_as_token_files_hold_them_have_the_same_loss(inputs):
    model, labels = tiny_transformer(), inputs.pop("visual_tokens")
    labels[:, 0] = -100
    inputs["visual_tokens"] = labels.clamp(min=0)
    short = {name: tensor.int() for name, tensor in inputs.items()}
    assert torch.equal(model(**short, labels=labels.int()).loss, model(**inputs, labels=labels).loss)


def test_tuple_and_dictionary_hold_the_same(inputs):
    model = tiny_transformer()
    model.set_attn_implementation("eager")
    arguments = {**inputs, "labels": inputs["visual_tokens"], "output_hidden_states": True, "output_attentions": True}
    named, plain = model(**arguments), model(**arguments, return_dict=False)
    assert torch.equal(named.loss, plain[0])
    assert torch.equal(named.logits, plain[1])
    assert len(named.to_tuple()) == len(plain)
    assert named.logits.shape == (2, *VISUAL_GRID, CODEBOOK_SIZE)
    places, layers = math.prod(VISUAL_GRID), model.config.num_decoder_layers
    assert [state.shape for state in named.decoder_hidden_states] == [(2, places, 16)] * (layers + 1)
    assert [state.shape for state in named.encoder_hidden_states] == [(2, 7, 16)] * 2
    assert [weights.shape for weights in named.decoder_attentions] == [(2, 2, places, places)] * layers
    assert [weights.shape for weights in named.cross_attentions] == [(2, 2, places, 7)] * layers
    assert [weights.shape for weights in named.encoder_attentions] == [(2, 2, 7, 7)]
    for weights in named.decoder_attentions:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, places))


def test_a_model_whose_outputs_are_tuples_samples_and_scores_as_any_other(inputs):
    """With `return_dict=False` in its configuration, `generate` asked a tuple for its logits."""
    results = []
    for returns_dict in (True, False):
        model, text = tiny_transformer(return_dict=returns_dict), inputs["input_ids"]
        output = model.generate(text, do_sample=False, output_scores=True)
        streamed = torch.stack(list(model.stream(text, do_sample=False)), 1)
        results.append([output.tokens, output.scores, streamed, token_log_likelihood(model, output.tokens, text)])
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("shard", ["50GB", "20KB"])
def test_saved_and_loaded_models_are_bit_equal(inputs, tmp_path, shard):
    model = tiny_transformer()
    model.generation_config.guidance_scale = 3.0
    model.save_pretrained(tmp_path, max_shard_size=shard)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shard == "20KB")
    expected = model(**inputs).logits
    for cls in (NuwaForConditionalGeneration, AutoModelForSeq2SeqLM):
        loaded = cls.from_pretrained(tmp_path)
        assert type(loaded) is NuwaForConditionalGeneration
        assert torch.equal(loaded(**inputs).logits, expected)
        assert loaded.generation_config.guidance_scale == 3.0


def test_sampling_settings_of_a_fresh_model_are_saved(tmp_path):
    """Nothing said that it samples, so transformers took it for greedy and refused them."""
    model = tiny_transformer()
    settings = {"temperature": 0.8, "top_p": 0.9, "num_return_sequences": 2, "do_sample": True}
    for name in ("temperature", "top_p", "num_return_sequences"):
        setattr(model.generation_config, name, settings[name])
    model.save_pretrained(tmp_path)
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path).generation_config
    assert {name: getattr(loaded, name) for name in settings} == settings


def test_base_model_loads_from_the_full_checkpoint(inputs, tmp_path):
    model = tiny_transformer()
    model.save_pretrained(tmp_path)
    for cls in (NuwaModel, AutoModel):
        loaded = cls.from_pretrained(tmp_path)
        assert type(loaded) is NuwaModel
        assert torch.equal(loaded(**inputs).last_hidden_state, model.model(**inputs).last_hidden_state)


def test_checkpointed_activations_give_the_same_gradients(all_conditions):
    gradients = []
    for is_checkpointed in (False, True):
        model = tiny_transformer().double().train()
        if is_checkpointed:
            model.activation_checkpointing_enable()
        model(**all_conditions, labels=all_conditions["visual_tokens"]).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, checkpointed in zip(*gradients, strict=True):
        assert torch.equal(plain, checkpointed)


def test_every_parameter_learns(all_conditions):
    model = tiny_transformer()
    model(**all_conditions, labels=all_conditions["visual_tokens"]).loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_attention_implementation_is_chosen_at_load(tmp_path):
    tiny_transformer().save_pretrained(tmp_path)
    assert NuwaForConditionalGeneration.from_pretrained(tmp_path).config._attn_implementation == "nearby"
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path, attn_implementation="nearby_shift_and_add")
    assert loaded.config._attn_implementation == "nearby_shift_and_add"
    with pytest.raises(ValueError, match="not supported"):
        NuwaForConditionalGeneration.from_pretrained(tmp_path, attn_implementation="farsighted")


def test_an_image_is_a_one_frame_video(inputs):
    model = tiny_transformer().double()
    video = model(**inputs).logits
    image = model(**{**inputs, "visual_tokens": inputs["visual_tokens"][:, :1]}).logits
    torch.testing.assert_close(image, video[:, :1])


@pytest.mark.parametrize("implementation", ["eager", "nearby", "sdpa", "nearby_shift_and_add"])
def test_an_empty_batch_has_empty_logits(all_conditions, implementation):
    model, none = tiny_transformer(), {name: tensor[:0] for name, tensor in all_conditions.items()}
    model.set_attn_implementation(implementation)
    assert model(**none).logits.shape == (0, *VISUAL_GRID, CODEBOOK_SIZE)
    assert token_log_likelihood(model, none["visual_tokens"], none["input_ids"]).shape == (0, *VISUAL_GRID)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"visual_tokens": None}, ValueError, "`visual_tokens` must be given"),
        ({"visual_tokens": torch.zeros(2, 3, 4)}, TypeError, "`visual_tokens` must be whole numbers"),
        ({"visual_tokens": torch.zeros(2, 3, 4).long()}, ValueError, "`visual_tokens` must have shape"),
        ({"visual_tokens": torch.zeros(2, 4, 4, 5).long()}, ValueError, "the grid's `t` must be at most 3"),
        ({"input_ids": None}, TypeError, "`input_ids` must be whole numbers"),
        ({"input_ids": torch.zeros(2, 13).long()}, ValueError, "`input_ids` must have shape"),
        ({"attention_mask": torch.ones(2, 3)}, ValueError, r"`attention_mask` must have shape \(2, 7\)"),
        ({"attention_mask": [[1] * 7] * 2}, TypeError, "`attention_mask` must be a tensor"),
        ({"encoder_hidden_states": torch.zeros(2, 7, 16)}, ValueError, "states` must be given, got `input_ids` and"),
        ({"visual_tokens": torch.zeros(2, *VISUAL_GRID).short()}, TypeError, "`visual_tokens` must be whole numbers"),
        ({"labels": torch.zeros(2, 1, 4, 5).long()}, ValueError, "`labels` must have the shape"),
        ({"labels": torch.zeros(2, *VISUAL_GRID)}, TypeError, "`labels` must be whole numbers"),
        ({"output_attentions": True}, ValueError, "`output_attentions` needs"),
        ({"sketch_tokens": torch.zeros(2, *VISUAL_GRID)}, TypeError, "`sketch_tokens` must be whole numbers"),
        ({"sketch_tokens": torch.zeros(2, 3, 4, 6).long()}, ValueError, "the grid's `w` must be at most 5"),
        (
            {
                "sketch_tokens": torch.zeros(2, *VISUAL_GRID).long(),
                "sketch_attention_mask": torch.ones(2, 3, 4, 4, dtype=torch.bool),
            },
            ValueError,
            "`sketch_attention_mask` must have the shape of its tokens",
        ),
        (
            {"sketch_attention_mask": torch.ones(2, *VISUAL_GRID, dtype=torch.bool)},
            ValueError,
            "`sketch_attention_mask` must stand beside `sketch_tokens`",
        ),
        ({"known_mask": torch.ones(2, *VISUAL_GRID)}, TypeError, "`known_mask` must be torch.bool"),
        ({"known_mask": torch.ones(2, 3, 4, 4, dtype=torch.bool)}, ValueError, "`known_mask` must have the shape"),
    ],
)
def test_wrong_inputs_are_refused(inputs, change, error, message):
    model, calls = tiny_transformer(), []
    for part in model.model.children():
        part.register_forward_pre_hook(lambda *_: calls.append(1))
    with pytest.raises(error, match=message):
        model(**{**inputs, **change})
    assert not calls


@pytest.mark.parametrize("implementation", ["eager", "nearby"])
@pytest.mark.parametrize("name", ["input_ids", "encoder_hidden_states", "sketch_tokens"])
def test_conditions_of_fewer_rows_than_the_tokens_are_refused_before_any_work(all_conditions, implementation, name):
    """They were told of as a `key`, and with "eager" one row was read for all."""
    model = tiny_transformer()
    model.set_attn_implementation(implementation)
    model.model.encoder.register_forward_pre_hook(lambda *_: pytest.fail("it was encoded"))
    inputs = {"input_ids": all_conditions["input_ids"], "visual_tokens": all_conditions["visual_tokens"]}
    if name == "encoder_hidden_states":
        inputs = {"visual_tokens": inputs["visual_tokens"], name: torch.zeros(2, 7, model.config.hidden_size)}
    if name == "sketch_tokens":
        inputs[name] = all_conditions[name]
    with pytest.raises(ValueError, match=rf"`{name}` must have as many rows as `visual_tokens`, 2, got 1; give one"):
        model(**{**inputs, name: inputs[name][:1]})


def test_input_taps_reach_exactly_the_causal_window():
    embeddings = tiny_transformer(window=(3, 3, 1)).model.decoder.embeddings
    assert embeddings.offsets == ((-1, -1, 0), (-1, 0, 0), (-1, 1, 0), (0, -1, 0))
    assert embeddings.taps.shape == (4, tiny_config().hidden_size)
    nearer = tiny_transformer(window=(3, 3, 3), input_window=(1, 1, 3)).model.decoder.embeddings
    assert nearer.offsets == ((0, 0, -1),)


def test_a_window_that_reaches_beyond_the_grid_shows_what_one_that_covers_it_shows(inputs):
    covering, beyond = tiny_transformer(window=(5, 7, 9)), tiny_transformer(window=(9, 11, 13))
    state, offsets = beyond.state_dict(), causal_offsets(beyond.config.window)
    kept = [offsets.index(offset) for offset in covering.model.decoder.embeddings.offsets]
    state["model.decoder.embeddings.taps"] = state["model.decoder.embeddings.taps"][kept]
    covering.load_state_dict(state)
    assert torch.equal(beyond(**inputs).logits, covering(**inputs).logits)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_sketch_that_is_hidden_everywhere_has_no_effect(inputs, all_conditions, implementation):
    model = tiny_transformer().double()
    model.set_attn_implementation(implementation)
    names = ("sketch_tokens", "sketch_attention_mask")
    with_sketch = model(**inputs, **{name: all_conditions[name] for name in names}).logits
    without = model(**inputs).logits
    torch.testing.assert_close(with_sketch[1], without[1])
    assert not torch.allclose(with_sketch[0], without[0])


def test_a_sketch_reaches_exactly_its_neighbourhood(inputs):
    # With one encoder layer and one decoder layer, the two windows reach two places to either side. Causal
    # self-attention reads the hidden states before the cross-attention.
    model = tiny_transformer(num_decoder_layers=1).double()
    sketch = torch.zeros(2, *VISUAL_GRID, dtype=torch.long)
    changed = sketch.clone()
    changed[:, 2, 0, 0] = 1
    before, after = (model(**inputs, sketch_tokens=tokens).logits for tokens in (sketch, changed))
    reached = torch.zeros(VISUAL_GRID, dtype=torch.bool)
    reached[0:, :3, :3] = True
    differs = (before != after).any(-1)
    assert torch.equal(differs, reached.expand_as(differs))


def test_known_tokens_are_seen_from_earlier_places_and_unknown_ones_are_not_read(inputs):
    model = tiny_transformer().double()
    known = torch.zeros(2, *VISUAL_GRID, dtype=torch.bool)
    known[:, 1, 2, 2] = True
    changed = inputs["visual_tokens"].clone()
    changed[:, 1, 2, 2] = (changed[:, 1, 2, 2] + 1) % CODEBOOK_SIZE
    place = (1 * 4 + 2) * 5 + 2
    for mask, is_seen in ((known, True), (~known, False), (None, False)):
        before = model(**inputs, known_mask=mask).logits.flatten(1, 3)
        after = model(**{**inputs, "visual_tokens": changed}, known_mask=mask).logits.flatten(1, 3)
        assert torch.equal(before[:, :place], after[:, :place]) is not is_seen
        assert not torch.equal(before[:, place + 1 :], after[:, place + 1 :])
