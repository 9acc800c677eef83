# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Steps recorded as CUDA graphs. What a recording needs is shown on a CPU in `test_sampling_steps.py`."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Barrier

import pytest
import torch
from sampler_cases import generators, random_model, texts


pytestmark = pytest.mark.gpu
GRID = (4, 5, 5)


def on_cuda(tensors):
    return [tensor.cuda() for tensor in tensors]


def kinds():
    """Calls of every kind."""
    generator = torch.Generator().manual_seed(7)
    known = {
        "known_tokens": torch.randint(0, 29, (3, *GRID), generator=generator),
        "known_mask": torch.rand(3, *GRID, generator=generator) < 0.5,
    }
    yield {"guidance_scale": 2.5, "temperature": 0.9, "top_k": 20, "top_p": 0.95}
    yield {"guidance_scale": [2.0, 1.0, 3.0], "temperature": [1.0, 0.5, 0.0]}
    yield {**known, "guidance_scale": 2.0}
    yield {"sketch_tokens": torch.randint(0, 17, (3, *GRID), generator=generator), "guidance_scale": 2.0}
    yield {"do_sample": False}


@pytest.mark.parametrize("arguments", list(kinds()), ids=["guided", "each row", "known", "sketch", "likeliest"])
def test_graphs_give_the_tokens_of_the_cpu_in_their_first_call_and_in_later_ones(arguments):
    """In float64, where rounding changes no token."""
    expected = random_model().generate(*texts(), grid=GRID, generator=generators(), **arguments).tokens
    model = random_model().cuda()
    moved = {name: value.cuda() if isinstance(value, torch.Tensor) else value for name, value in arguments.items()}
    for _ in range(3):
        tokens = model.generate(*on_cuda(texts()), grid=GRID, generator=generators(), **moved).tokens
        assert torch.equal(tokens.cpu(), expected)
    (steps,) = model._sampling_runs._kept.values()
    assert any(repeat is not None for repeat in steps._recorded.values())
    model.register_forward_hook(lambda *_: None)  # with a hook, steps are launched kernel by kernel
    tokens = model.generate(*on_cuda(texts()), grid=GRID, generator=generators(), **moved).tokens
    assert torch.equal(tokens.cpu(), expected)


def test_recorded_steps_serve_other_texts_settings_and_trained_weights():
    model, fresh = random_model().cuda(), random_model()
    model.generate(*on_cuda(texts()), grid=GRID, generator=generators(), guidance_scale=2.0, temperature=0.9)
    with torch.no_grad():
        for changed in (model, fresh):
            changed.head.weight.mul_(0.9)
    ids = torch.randint(5, 40, (3, 9))
    settings = {"grid": GRID, "guidance_scale": 4.0, "temperature": 0.7}
    found = model.generate(ids.cuda(), generator=generators(), **settings).tokens
    assert len(model._sampling_runs._kept) == 1
    assert torch.equal(found.cpu(), fresh.generate(ids, generator=generators(), **settings).tokens)


def test_steps_of_training_mode_are_not_recorded():
    """Their dropout was repeated in evaluation mode."""
    model = random_model().cuda()
    for is_training, num_kept in ((True, 0), (False, 1)):
        model.train(is_training)
        model.generate(*on_cuda(texts()), grid=GRID, generator=generators())
        assert len(model._sampling_runs._kept) == num_kept


def test_a_stream_on_cuda_gives_the_frames_of_the_cpu():
    def frames(model, inputs):
        stream = model.stream(*inputs, generator=generators(), grid=(None, 5, 5), guidance_scale=2.0)
        return torch.stack([frame.cpu() for frame in islice(stream, 14)], 1)

    expected, model = frames(random_model(), texts()), random_model().cuda()
    for _ in range(2):
        assert torch.equal(frames(model, on_cuda(texts())), expected)


@pytest.mark.parametrize("of_each", [generators, lambda: None], ids=["own generators", "the global generator"])
def test_threads_whose_calls_record_at_once_draw_as_alone(of_each):
    """Each recording broke that of the other thread."""
    expected = random_model().generate(*texts(), grid=GRID, generator=generators()).tokens
    model, together = random_model().cuda(), Barrier(2, timeout=60)

    def sample(_):
        inputs = on_cuda(texts())
        together.wait()
        return model.generate(*inputs, grid=GRID, generator=of_each()).tokens.cpu()

    with ThreadPoolExecutor(2) as threads:
        for tokens in threads.map(sample, range(2)):
            assert torch.equal(tokens, expected) or of_each is not generators


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="this machine has no second CUDA device")
def test_a_model_that_has_moved_to_another_device_records_there():
    """The stream of its recordings was one of the first device, so that they held none of its kernels."""
    expected, model = random_model().generate(*texts(), grid=GRID, generator=generators()).tokens, random_model()
    for device in ("cuda:0", "cuda:1"):
        model.to(device)
        inputs = [tensor.to(device) for tensor in texts()]
        for _ in range(2):
            tokens = model.generate(*inputs, grid=GRID, generator=generators()).tokens
            assert torch.equal(tokens.cpu(), expected)


def test_in_bfloat16_graphs_and_single_launches_draw_nearly_the_same():
    model = random_model(dtype=torch.bfloat16).cuda()
    for _ in range(2):
        recorded = model.generate(*on_cuda(texts()), grid=GRID, generator=generators()).tokens
    model.register_forward_hook(lambda *_: None)
    launched = model.generate(*on_cuda(texts()), grid=GRID, generator=generators()).tokens
    assert (recorded == launched).float().mean() > 0.9  # libraries may choose other kernels while they record
