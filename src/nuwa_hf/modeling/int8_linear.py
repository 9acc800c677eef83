# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A linear layer with 8-bit weights, for inference on a CPU.

Legend: R rows, D input size, F output size.
"""

from collections.abc import Sequence
from functools import cache
from typing import Self

import torch
from torch import nn


LARGEST = 127  # -128 stays unused, so that the range is symmetric
OTHER_DEVICES = "on other devices quantise with transformers' `TorchAoConfig` or `BitsAndBytesConfig` instead"
MAX_IN_FEATURES = (2**31 - 1) // LARGEST**2  # with more, a sum may exceed int32


def quantize_rows(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantise each row to 8-bit integers, with a step size of its own.

        step = max_d |x_d| / 127,  q_d = round(x_d / step)

    A row's result does not depend on the other rows.

    Args:
        rows (`torch.Tensor` of shape `(..., D)`): floating point; float64 is computed in float64, the rest in float32.

    Returns:
        `tuple`: `q`, `torch.CharTensor` of shape `(..., D)` in [-127, 127], and `step`, of shape `(..., 1)`, above 0.
    """
    rows = rows.to(_compute_dtype(rows.dtype))
    # A row of zeros gets the smallest step, which avoids 0 / 0.
    step = rows.abs().amax(-1, keepdim=True).clamp_min_(LARGEST * torch.finfo(rows.dtype).tiny).div_(LARGEST)
    return (rows / step).round_().to(torch.int8), step


def int8_matmul(rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The exact integer product `rows weight^T`.

    Args:
        rows (`torch.CharTensor` of shape `(R, D)`): in [-127, 127]; R may be 0.
        weight (`torch.CharTensor` of shape `(F, D)`): in [-127, 127].

    Returns:
        `torch.IntTensor` of shape `(R, F)`.
    """
    if rows.shape[1] == 1:  # `_int_mm` leaves its output unwritten here
        return rows.int() * weight.t().int()
    if _sums_exactly():
        return torch._int_mm(rows, weight.t())
    high, low = weight >> 1, weight & 1  # weight = 2 high + low, small enough for 16-bit sums of two products
    return torch._int_mm(rows, high.t()).mul_(2).add_(torch._int_mm(rows, low.t()))


class Int8Linear(nn.Module):
    """`y = x W^T + b` with W in 8 bits, one step size for each output, and x quantised row by row.

        y_f = step_x step_f sum_d q_d w_fd + b_f

    The sum runs over integers and is exact, so the output of a row does not depend on the rows beside it. The layer is
    for inference on a CPU. With VNNI instructions it is faster than float32; without them it only saves memory.

    Args:
        in_features (`int`): D, at most 133144.
        out_features (`int`): F.
        bias (`bool`, defaults to `True`): whether the layer has a bias.
        device (`torch.device`, *optional*): device of the parameters.
        dtype (`torch.dtype`, *optional*): dtype of the bias.

    Attributes:
        weight (`torch.nn.Parameter` of shape `(F, D)`): int8, in [-127, 127], without a gradient.
        scale (`torch.Tensor` of shape `(F,)`): a buffer with the step size of each output. It stays float32 when the
            model is cast.
        bias (`torch.nn.Parameter` of shape `(F,)`, *optional*): b, without a gradient.

    Raises:
        ValueError: If the layer is too wide for exact sums.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if in_features > MAX_IN_FEATURES:
            raise ValueError(
                f"`in_features` must be at most {MAX_IN_FEATURES} (sums are 32-bit), got {in_features}; leave this "
                "layer in floating point by `modules_to_not_convert`."
            )
        _sums_exactly()  # known before a program is traced, which could not find out
        self.in_features = in_features
        self.out_features = out_features
        weight = torch.zeros(out_features, in_features, dtype=torch.int8, device=device)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.register_buffer("scale", torch.ones(out_features, dtype=torch.float32, device=device))
        zeros = torch.zeros(out_features, device=device, dtype=dtype) if bias else None
        self.bias = nn.Parameter(zeros, requires_grad=False) if bias else None

    @classmethod
    def from_linear(cls, linear: nn.Linear) -> Self:
        """Create the 8-bit version of a linear layer.

        Args:
            linear (`torch.nn.Linear`): a layer with a floating-point weight.

        Returns:
            `Int8Linear`: a layer that shares no memory with `linear`.

        Raises:
            TypeError: If `linear` is not a linear layer in floating point.
        """
        if not isinstance(linear, nn.Linear) or not linear.weight.is_floating_point():
            raise TypeError(
                "`linear` must be a torch.nn.Linear in floating point, got "
                f"{type(linear).__name__}; a layer is quantised once."
            )
        layer = cls(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        weight, scale = quantize_rows(linear.weight.detach().float())
        layer.weight = nn.Parameter(weight, requires_grad=False)
        layer.scale = scale.squeeze(-1)
        if linear.bias is not None:
            layer.bias = nn.Parameter(linear.bias.detach().clone(), requires_grad=False)
        return layer

    @classmethod
    def concatenate(cls, layers: Sequence["Int8Linear"]) -> Self:
        """Join several layers into one that gives their outputs side by side, bit for bit.

        Args:
            layers (`Sequence[Int8Linear]`): layers of the same input size, all with a bias or all without.

        Returns:
            `Int8Linear`: a layer that shares no memory with `layers`.

        Raises:
            ValueError: If the layers differ in their input size or in having a bias.
        """
        kinds = {(layer.in_features, layer.bias is not None) for layer in layers}
        if len(kinds) != 1:
            raise ValueError(
                "`layers` must have one input size, and all a bias or none, got (in_features, bias) "
                f"{sorted(kinds)}; concatenate those that agree."
            )
        (in_features, has_bias) = kinds.pop()
        joined = cls(in_features, sum(layer.out_features for layer in layers), bias=has_bias, device="meta")
        joined.weight = nn.Parameter(torch.cat([layer.weight for layer in layers]), requires_grad=False)
        joined.scale = torch.cat([layer.scale for layer in layers])
        if has_bias:
            joined.bias = nn.Parameter(torch.cat([layer.bias for layer in layers]), requires_grad=False)
        return joined

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Apply the layer to each row.

        Args:
            hidden_states (`torch.Tensor` of shape `(..., D)`): floating point, on the CPU, without a gradient.

        Returns:
            `torch.Tensor` of shape `(..., F)`, in the input's dtype.

        Raises:
            ValueError: If the input requires a gradient or is on another device.
        """
        if hidden_states.requires_grad and torch.is_grad_enabled():
            raise ValueError(
                "`hidden_states` must not require a gradient, which 8-bit weights cannot give; train the model in "
                "floating point and quantise it afterwards."
            )
        check_is_cpu(hidden_states.device)
        rows, step = quantize_rows(hidden_states)
        sums = int8_matmul(rows.reshape(-1, self.in_features), self.weight)
        output = sums.to(step.dtype).mul_(step.reshape(-1, 1)).mul_(self.scale)
        if self.bias is not None:
            output += self.bias
        return output.to(hidden_states.dtype).view(*hidden_states.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """The sizes, as `torch.nn.Linear` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _apply(self, fn, recurse=True):
        check_is_cpu(fn(torch.empty(0)).device)
        scale = self.scale
        super()._apply(fn, recurse)
        if self.scale.dtype != scale.dtype:  # a cast of the model to bfloat16 must not round the steps
            self.scale = scale.to(self.scale.device)
        return self


def check_is_cpu(device: torch.device) -> None:
    """Check that a device is one that 8-bit layers run on.

    Args:
        device (`torch.device`): where the layers are or will be: the CPU, or `meta`.

    Raises:
        ValueError: If it is another device.
    """
    if device.type not in ("cpu", "meta"):
        raise ValueError(f"`Int8Linear` runs on the CPU, got the device {str(device)!r}; {OTHER_DEVICES}.")


def _compute_dtype(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype == torch.float64 else torch.float32


@torch.compiler.assume_constant_result  # which a cached function cannot be
def _sums_exactly() -> bool:
    return _measured_exactness()


@cache
def _measured_exactness() -> bool:
    """Whether `_int_mm` is exact here: without VNNI a CPU adds pairs of products in 16 bits, which may saturate."""
    for num_rows in (1, 32):  # a single row has a kernel of its own
        rows = torch.full((num_rows, 64), LARGEST, dtype=torch.int8, device="cpu")
        if not (torch._int_mm(rows, torch.full_like(rows, LARGEST).t()) == 64 * LARGEST**2).all():
            return False
    return True
