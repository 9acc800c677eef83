# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sampling calls the model's own modules, so whatever is attached to a module takes effect in sampling too."""

import copy
import gc
import weakref

import peft
import pytest
import torch
from tiny import CODEBOOK_SIZE, VISUAL_GRID, tiny_transformer

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import tables
from nuwa_hf.nearby_attention.neighborhood import neighborhood_mask


TEXT = torch.tensor([[5, 6, 7], [8, 9, 10]])


def sampled(model, grid=VISUAL_GRID, **settings):
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    return model.generate(TEXT, grid=grid, generator=generators, guidance_scale=2.0, **settings).tokens


def test_hooks_on_every_module_of_the_decoder_fire_once_a_step():
    model = tiny_transformer(hidden_dropout=0.1)
    expected, counts = sampled(model), {}
    names = {
        name: module
        for name, module in model.named_modules()
        # The containers have no forward of their own; keys and values of the conditions are made in the first step.
        if name.startswith(("model.decoder", "head")) and not isinstance(module, torch.nn.ModuleList)
    }
    for name, module in names.items():
        module.register_forward_hook(lambda *_, name=name: counts.update({name: counts.get(name, 0) + 1}))
    assert torch.equal(sampled(model), expected)
    steps = model.num_generation_steps(VISUAL_GRID)
    # The layer's one dropout serves both of its sub-layers.
    times = {"layers.0.dropout": 2 * steps, "layers.1.dropout": 2 * steps}
    for name in names:
        once = 1 if name.endswith(("cross_attn.k_proj", "cross_attn.v_proj")) else steps
        assert counts[name] == times.get(name.removeprefix("model.decoder."), once), name


def test_a_hook_changes_the_tokens_as_in_teacher_forcing():
    model = tiny_transformer().double()
    before = sampled(model, do_sample=False)
    model.model.decoder.layers[1].feed_forward.register_forward_hook(lambda module, inputs, output: -3 * output)
    tokens = model.generate(TEXT, grid=VISUAL_GRID, do_sample=False).tokens
    assert torch.equal(model(TEXT, visual_tokens=tokens).logits.argmax(-1), tokens)
    assert not torch.equal(tokens, before)


@pytest.mark.compiled
@pytest.mark.parametrize("which", ["layers", "model"])
def test_compiled_modules_capture_graphs_and_give_the_same_tokens(which):
    model, graphs = tiny_transformer(), []
    expected = sampled(model, grid=(2, 2, 2))  # each of its steps is traced

    def backend(graph, example_inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    for module in model.model.decoder.layers if which == "layers" else [model]:
        module.compile(backend=backend)
    assert torch.equal(sampled(model, grid=(2, 2, 2)), expected)
    assert graphs


def test_an_adapter_takes_effect_unmerged_and_merged_but_not_when_disabled():
    plain = tiny_transformer()
    expected = sampled(plain)
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "up_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(plain, config)
    with_adapter = sampled(adapted.base_model.model)
    assert not torch.equal(with_adapter, expected)
    with adapted.disable_adapter():
        assert torch.equal(sampled(adapted.base_model.model), expected)
    adapted.merge_adapter()
    assert torch.equal(sampled(adapted.base_model.model), with_adapter)
    adapted.unmerge_adapter()
    assert torch.equal(sampled(adapted.base_model.model), with_adapter)
    assert torch.equal(sampled(adapted.merge_and_unload()), with_adapter)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpointing_gives_the_gradients_of_plain_training(use_reentrant):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(CODEBOOK_SIZE, (2, *VISUAL_GRID), generator=generator)
    known = torch.rand(tokens.shape, generator=generator) < 0.5
    gradients = []
    for is_checkpointed in (False, True):
        model = tiny_transformer().train()
        if is_checkpointed:
            model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
        model(TEXT, labels=tokens, sketch_tokens=tokens % 16, known_mask=known).loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_hidden_states_are_freed_unless_requested():
    model, alive = tiny_transformer(), []

    def watch(module, inputs, output):
        alive.append(sum(reference() is not None for reference in references))
        references.append(weakref.ref(output[0]))

    references = []
    for layer in model.model.decoder.layers:
        layer.register_forward_hook(watch)
    tokens = torch.zeros(1, *VISUAL_GRID, dtype=torch.long)
    with torch.no_grad():
        output = model(TEXT[:1], visual_tokens=tokens)
        assert max(alive) <= 1  # only the input of the next layer
        assert output.decoder_hidden_states is None
        assert len(model(TEXT[:1], visual_tokens=tokens, output_hidden_states=True).decoder_hidden_states) == 3


def tensors_alive():
    gc.collect()
    return {id(one): one.numel() for one in gc.get_objects() if issubclass(type(one), torch.Tensor)}


@pytest.mark.parametrize("make", [lambda model: type(model)(model.config).eval(), copy.deepcopy])
def test_a_call_keeps_nothing_alive_and_tables_are_freed_with_their_model(make):
    model = make(tiny_transformer())
    sampled(model)  # plans and tables are made once
    before = tensors_alive()
    tokens = sampled(model)
    assert tensors_alive().keys() - before.keys() <= {id(tokens)}
    model(TEXT, visual_tokens=tokens)
    assert any(cache.cache_info().currsize for cache in tables._CACHES)
    del model
    gc.collect()
    assert not any(cache.cache_info().currsize for cache in tables._CACHES)


def test_tables_made_on_fake_tensors_are_not_kept():
    model, tokens = tiny_transformer(), torch.zeros(2, *VISUAL_GRID, dtype=torch.long)
    tables.forget_tables()
    torch.export.export(model, (TEXT,), {"visual_tokens": tokens, "return_dict": False}, strict=False)
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True):
        neighborhood_mask(Grid(*VISUAL_GRID), Grid(*VISUAL_GRID), (3, 3, 3), True)
    logits = model(TEXT, visual_tokens=tokens).logits
    assert type(logits) is torch.Tensor
    assert torch.isfinite(logits).all()


@pytest.mark.compiled
def test_forward_is_one_graph_and_runs_on_the_meta_device():
    model, tokens = tiny_transformer(), torch.zeros(2, *VISUAL_GRID, dtype=torch.long)
    inputs = {"visual_tokens": tokens, "sketch_tokens": tokens, "known_mask": tokens == 0}
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(TEXT, **inputs).logits, model(TEXT, **inputs).logits)
    on_meta = model.to("meta")(TEXT.to("meta"), **{name: tensor.to("meta") for name, tensor in inputs.items()})
    assert on_meta.logits.shape == (2, *VISUAL_GRID, CODEBOOK_SIZE)
