# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whatever stands for a picture, a clip, a sketch or a mask is read, or refused in one line before any work."""

from itertools import product

import numpy as np
import pytest
import torch
from tiny import tiny_inputs, tiny_pipeline


ARRAYS = {
    "a number": torch.tensor(0.5),
    "a whole number": torch.tensor(1),
    "a number of NumPy": np.array(0.5),
    "nothing": torch.zeros(0),
    "nothing of NumPy": np.zeros(0),
    "a row": torch.zeros(3),
    "a row of NumPy": np.zeros(3),
    "nine axes": torch.zeros((1,) * 9),
    "nine axes of NumPy": np.zeros((1,) * 9),
    "letters": np.array(["a"]),
    "objects": np.array([object()]),
    "complex": torch.zeros(8, 10, dtype=torch.complex64),
    "complex of NumPy": np.zeros((8, 10), complex),
    "no numbers": torch.zeros(3, 8, 10, device="meta"),
    "sparse": torch.zeros(3, 8, 10).to_sparse(),
    "quantised": torch.quantize_per_tensor(torch.zeros(3, 8, 10), 1.0, 0, torch.quint8),
}
NESTED = (lambda one: one, lambda one: [one], lambda one: (one,), lambda one: [[one]], lambda one: [one, one])


@pytest.mark.parametrize("task", ["S2I", "S2V", "I2I", "V2V", "TI2I", "TV2V"])
def test_an_array_that_is_no_picture_is_refused_by_name_with_a_remedy(task):
    pipeline, inputs = tiny_pipeline(task), tiny_inputs(task)
    for name, array, nest in product(inputs.keys() - {"prompt"}, ARRAYS.values(), NESTED):
        with pytest.raises((ValueError, TypeError), match=rf"^`{name}[^\n]*; [^\n]*$"):
            pipeline.check_inputs(**{**inputs, name: nest(array)})
