# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compiling changes no number beyond rounding, no name of a weight, and takes the same few graphs for any tasks."""

import copy
import shutil

import pytest
import torch
from safetensors.torch import load_file
from test_nuwa_steps import ROWS, batches_of, random_tokens
from test_train_nuwa import folders, metrics_of, run_flags
from tiny import tiny_transformer
from torch._dynamo.testing import CompileCounterWithBackend

from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.compile_feed_forward import compile_feed_forward
from nuwa_hf.training.nuwa.fine_tuning import LORA_TARGETS, add_adapters, merged_copy
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.train_nuwa import main


assert folders  # a fixture
ROUNDING = {"rtol": 1e-4, "atol": 1e-6}  # sums in another order, in float32


@pytest.fixture
def counter():
    """Counts graphs and, unlike the default backend, needs no compiler of C++."""
    torch._dynamo.reset()
    yield CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()


def with_adapters():
    torch.manual_seed(5)
    return add_adapters(tiny_transformer(), rank=2, alpha=8.0, dropout=0.0, target_modules=LORA_TARGETS)


def with_checkpointing():
    model = tiny_transformer()
    model.activation_checkpointing_enable()
    return model


def averages_in(checkpoint):
    states = [torch.load(path) for path in sorted(checkpoint.glob("registered_*.pt"))]
    return [state["shadow_params"] for state in states if "shadow_params" in state]


def losses_and_gradients(model, batches):
    model.zero_grad()
    loss, losses = tasks_loss(model, batches)
    loss.backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    return {task: value.detach() for task, value in losses.items()}, gradients


@pytest.mark.compiled
@pytest.mark.parametrize(
    "build",
    [
        tiny_transformer,
        *(pytest.param(build, marks=pytest.mark.slow) for build in (with_checkpointing, with_adapters)),
    ],
)
def test_all_tasks_have_the_eager_losses_and_gradients_and_no_step_after_the_first_compiles(build, counter):
    assert ROWS.keys() == {task.abbreviation for task in TASKS}
    if build is with_adapters:
        pytest.importorskip("peft", reason="adapters are PEFT's")
    eager, compiled = build().train(), build().train()
    compile_feed_forward(compiled, counter)
    batches = batches_of(random_tokens(3 * sum(ROWS.values())), condition_dropout=0.3)
    counts = []
    for step in range(3):
        expected, got = (losses_and_gradients(model, batches(step)) for model in (eager, compiled))
        torch.testing.assert_close(got, expected, **ROUNDING)
        counts.append(counter.frame_count)
    assert 0 < counts[0] <= 4  # one more where the batch or the condition has a single row
    assert counts == [counts[0]] * 3


@pytest.mark.slow
def test_more_layers_take_no_more_graphs(counter):
    counts = []
    for layers in (1, 3):
        torch._dynamo.reset()
        counter.clear()
        model = tiny_transformer(num_encoder_layers=layers, num_decoder_layers=layers).train()
        compile_feed_forward(model, counter)
        tasks_loss(model, batches_of(random_tokens(sum(ROWS.values())))(0))
        counts.append(counter.frame_count)
    assert counts[0] == counts[1]


@pytest.mark.compiled
def test_weights_keep_their_names_and_a_copy_is_not_compiled(counter, tmp_path):
    model, eager = tiny_transformer(), tiny_transformer()
    compile_feed_forward(model, counter)
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in eager.named_parameters()]
    model.save_pretrained(tmp_path)
    torch.testing.assert_close(load_file(tmp_path / "model.safetensors"), dict(eager.state_dict()), rtol=0, atol=0)
    tasks_loss(copy.deepcopy(model), batches_of(random_tokens(sum(ROWS.values())))(0))
    assert counter.frame_count == 0


@pytest.mark.compiled
def test_merging_adapters_into_a_copy_of_a_compiled_model_leaves_plain_names(counter):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    learner = with_adapters()
    compile_feed_forward(learner, counter)
    assert merged_copy(learner).state_dict().keys() == tiny_transformer().state_dict().keys()


@pytest.mark.slow
def test_a_run_may_change_between_compiled_and_eager_when_it_resumes(folders, tmp_path):
    torch._dynamo.reset()

    def run(name, is_compiled, goes_on_from=None):
        output = tmp_path / name
        if goes_on_from is not None:
            shutil.copytree(goes_on_from, output, ignore=shutil.ignore_patterns("checkpoint-000004", "pipeline"))
        flags = {"max_train_steps": 4, "checkpointing_steps": 2, "sample_every": 4, "compile": is_compiled}
        main(run_flags(folders, output, **flags))
        return output

    eager, compiled = run("eager", False), run("compiled", True)
    others = [compiled, run("then_compiled", True, eager), run("then_eager", False, compiled)]
    for other in others:
        for line, expected in zip(metrics_of(other), metrics_of(eager), strict=True):
            assert line == pytest.approx(expected, rel=1e-3)
        for name in ("checkpoint-000004/model.safetensors", "pipeline/transformer/model.safetensors"):
            assert load_file(other / name).keys() == load_file(eager / name).keys()
        [averages], [expected] = (averages_in(output / "checkpoint-000004") for output in (other, eager))
        assert [average.shape for average in averages] == [average.shape for average in expected]
