# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The checks that transformers makes of each of its models, for both NUWA models."""

import copy
import inspect
import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import CODEBOOK_SIZE, MAX_TEXT_LENGTH, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_config

from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration, NuwaModel
from nuwa_hf.modeling.condition_encoder import NuwaEncoderLayer
from nuwa_hf.modeling.token_decoder import NuwaDecoderLayer


MODELS = [NuwaModel, NuwaForConditionalGeneration]


def build(cls, **overrides):
    torch.manual_seed(3)
    return cls(tiny_config(**overrides)).eval()


def make_inputs(cls):
    generator = torch.Generator().manual_seed(4)
    tokens = torch.randint(CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator)
    inputs = {
        "input_ids": torch.randint(5, 100, (2, 6), generator=generator),
        "attention_mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2]),
        "visual_tokens": tokens,
        "sketch_tokens": torch.randint(SKETCH_CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator),
        "known_mask": torch.rand(2, *VISUAL_GRID, generator=generator) < 0.5,
    }
    return inputs | ({"labels": tokens} if cls is NuwaForConditionalGeneration else {})


def main_output(output):
    return next(output[name] for name in ("logits", "last_hidden_state") if name in output)


@pytest.fixture(params=MODELS, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


def test_configuration_survives_json_and_a_folder(tmp_path):
    config = tiny_config(condition_window=(1, 5, 3), window=(3, 1, 3))
    config.save_pretrained(tmp_path)
    for loaded in (NuwaConfig.from_pretrained(tmp_path), NuwaConfig.from_dict(json.loads(config.to_json_string()))):
        assert loaded.to_dict() == config.to_dict()
        assert loaded.condition_window == (1, 5, 3)
    assert copy.deepcopy(config).to_dict() == config.to_dict()
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (16, 2, 2)


def test_first_argument_is_the_main_input(cls):
    names = list(inspect.signature(cls.forward).parameters)
    assert names[1] == cls.main_input_name == "input_ids"


def test_evaluation_is_deterministic_and_a_copy_computes_the_same(cls):
    model, inputs = build(cls, hidden_dropout=0.5), make_inputs(cls)
    expected = main_output(model(**inputs))
    assert torch.equal(main_output(model(**inputs)), expected)
    assert torch.equal(main_output(copy.deepcopy(model)(**inputs)), expected)
    model.train()
    assert not torch.equal(main_output(model(**inputs)), expected)  # dropout is real


def test_an_item_does_not_depend_on_its_batch(cls):
    model, inputs = build(cls).double(), make_inputs(cls)
    inputs.pop("labels", None)
    together = main_output(model(**inputs))
    for item in range(2):
        alone = main_output(model(**{name: tensor[[item]] for name, tensor in inputs.items()}))
        torch.testing.assert_close(alone[0], together[item])


def test_padding_does_not_matter(cls):
    model, inputs = build(cls).double(), make_inputs(cls)
    inputs.pop("labels", None)
    padded = {
        **inputs,
        "input_ids": torch.nn.functional.pad(inputs["input_ids"], (0, 3)),
        "attention_mask": torch.nn.functional.pad(inputs["attention_mask"], (0, 3)),
    }
    torch.testing.assert_close(main_output(model(**padded)), main_output(model(**inputs)))


def test_saved_keys_are_the_models_keys_and_none_is_missing_or_unexpected(cls, tmp_path):
    model = build(cls)
    model.save_pretrained(tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == model.state_dict().keys()
    _, report = cls.from_pretrained(tmp_path, output_loading_info=True)
    assert {name: list(keys) for name, keys in report.items() if keys} == {}


def test_a_missing_weight_is_reported_and_initialised_afresh(cls, tmp_path):
    model = build(cls)
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    gone = [name for name in state if "known_embeddings" in name or "sketch_embeddings.token" in name]
    assert len(gone) == 5
    save_file(
        {name: state[name] for name in state if name not in gone}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    loaded, report = cls.from_pretrained(tmp_path, output_loading_info=True)
    assert set(report["missing_keys"]) == set(gone)
    for name, parameter in loaded.named_parameters():
        assert torch.isfinite(parameter).all()
        if name not in gone:
            assert torch.equal(parameter, model.get_parameter(name))
        elif parameter.numel() > 30:
            assert 0.5 * 0.6 < parameter.std() < 1.5 * 0.6  # `initializer_range` of the tiny model


def test_a_weight_of_another_shape_is_refused_unless_allowed(cls, tmp_path):
    build(cls).save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        cls.from_pretrained(tmp_path, sketch_codebook_size=7)
    loaded = cls.from_pretrained(tmp_path, sketch_codebook_size=7, ignore_mismatched_sizes=True)
    assert loaded.get_input_embeddings().weight.shape[0] == 128
    assert [
        p.shape[0] for n, p in loaded.named_parameters() if n.endswith("sketch_embeddings.token_embedding.weight")
    ] == [7]


def test_initialisation_is_the_configured_one(cls):
    model = build(cls, hidden_size=64, initializer_range=0.05)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            assert torch.equal(parameter, torch.full_like(parameter, float(name.endswith("weight"))))
        elif name.endswith("bias"):
            assert (parameter == 0).all()
        elif parameter.numel() >= 1000 and "taps" not in name:
            assert 0.04 < parameter.std() < 0.06, name
            assert parameter.mean().abs() < 0.01, name


def test_the_same_seed_initialises_the_same_weights(cls):
    for first, second in zip(build(cls).parameters(), build(cls).parameters(), strict=True):
        assert torch.equal(first, second)


def test_hidden_states_keep_their_gradients(cls):
    model, inputs = build(cls).train(), make_inputs(cls)
    output = model(**inputs, output_hidden_states=True)
    kept = output.decoder_hidden_states[0]
    kept.retain_grad()
    main_output(output).square().sum().backward()
    assert kept.grad is not None
    assert kept.grad.abs().sum() > 0


def test_tuple_and_dictionary_agree(cls):
    model, inputs = build(cls), make_inputs(cls)
    for extra in ({}, {"output_hidden_states": True}):
        named = model(**inputs, **extra).to_tuple()
        plain = model(**inputs, **extra, return_dict=False)
        assert len(named) == len(plain)
        for left, right in zip(named, plain, strict=True):
            pairs = zip(left, right, strict=True) if isinstance(left, tuple) else [(left, right)]
            assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_it_loads_saves_and_runs_in_other_precisions(cls, tmp_path, dtype):
    model, inputs = build(cls).to(dtype), make_inputs(cls)
    model.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {dtype}
    assert torch.equal(main_output(loaded(**inputs)), main_output(model(**inputs)))
    assert {p.dtype for p in cls.from_pretrained(tmp_path, dtype=torch.float32).parameters()} == {torch.float32}


def test_new_text_tokens_change_the_text_embedding_and_nothing_else(cls):
    model, inputs = build(cls), make_inputs(cls)
    expected, shapes = main_output(model(**inputs)), {n: p.shape for n, p in model.named_parameters()}
    model.resize_token_embeddings(140)
    assert model.get_input_embeddings().weight.shape == (140, 16)
    assert model.config.vocab_size == 140
    changed = [n for n, p in model.named_parameters() if p.shape != shapes[n]]
    assert [name.removeprefix("model.") for name in changed] == ["text_embeddings.token_embedding.weight"]
    assert torch.equal(main_output(model(**inputs)), expected)


@pytest.mark.compiled
def test_a_traced_program_computes_the_same_for_any_batch_and_text_length(cls):
    model, inputs = build(cls), make_inputs(cls)
    inputs.pop("labels", None)
    batch, length = torch.export.Dim("batch", min=2, max=64), torch.export.Dim("length", min=2, max=MAX_TEXT_LENGTH)
    shapes = {name: {0: batch, 1: length} if tensor.ndim == 2 else {0: batch} for name, tensor in inputs.items()}
    exported = torch.export.export(
        model, (), {**inputs, "return_dict": False}, dynamic_shapes={**shapes, "return_dict": None}
    ).module()
    longer = {name: torch.cat([tensor, tensor[:1]]) for name, tensor in inputs.items()}
    for name in ("input_ids", "attention_mask"):
        longer[name] = longer[name].repeat(1, 2)[:, :MAX_TEXT_LENGTH]
    for other in (inputs, longer):
        got, expected = exported(**other, return_dict=False)[0], model(**other, return_dict=False)[0]
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.compiled
def test_one_compiled_program_serves_any_batch_and_text_length(cls):
    model, inputs = build(cls), make_inputs(cls)
    torch._dynamo.reset()
    compiled = torch.compile(model, dynamic=True, fullgraph=True, backend="eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for rows, length in ((2, 6), (5, 4), (7, 9)):
            some = {name: torch.cat([tensor] * 4)[:rows] for name, tensor in inputs.items()}
            for name in ("input_ids", "attention_mask"):
                some[name] = some[name].repeat(1, 2)[:, :length]
            torch.testing.assert_close(main_output(compiled(**some)), main_output(model(**some)))


def test_arguments_of_sequence_to_sequence_models_are_read_or_refused(cls):
    model, inputs = build(cls), make_inputs(cls)
    inputs.pop("labels", None)
    expected, tokens = main_output(model(**inputs)), inputs.pop("visual_tokens")
    assert torch.equal(main_output(model(**inputs, decoder_input_ids=tokens, decoder_attention_mask=None)), expected)
    with pytest.raises(ValueError, match="`decoder_input_ids` must be left out beside `visual_tokens`"):
        model(**inputs, visual_tokens=tokens, decoder_input_ids=tokens)
    with pytest.raises(TypeError, match="no argument `visual_token`; did you mean `visual_tokens`"):
        model(**inputs, visual_token=tokens)


def test_transformers_own_fsdp_shards_layer_by_layer(cls):
    """Its plan named layers as decoder-only models call them, and nothing but the whole model was sharded."""
    model = cls(tiny_config())
    kinds = (NuwaEncoderLayer, NuwaDecoderLayer)
    layers = {name for name, module in model.named_modules() if isinstance(module, kinds)}
    assert {re.sub(r"\.\d+$", ".*", name) for name in layers} == model.fsdp_plan.keys()


def test_training_lowers_the_loss_of_every_condition():
    model, inputs = build(NuwaForConditionalGeneration).train(), make_inputs(NuwaForConditionalGeneration)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
