# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The network that finds and reads the digits of a frame of Moving MNIST.

Shapes: B frames, Y, X pixel rows and columns, y, x cells of 4 by 4 pixels, F features.
"""

from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils import BaseOutput
from torch import Tensor, nn
from torch.nn import functional

from nuwa_hf.datasets.digits import CLASSES
from nuwa_hf.evaluation.judges.judge_folders import check_judge
from nuwa_hf.evaluation.judges.judge_networks import ConvolutionUnit, ResidualUnit


CELL = 4  # pixels
NOTHING = CLASSES  # the class of a cell at which no digit has its centre
IGNORED = -100
_NEAR, _FAR = 0.75, 1.75  # cells from a digit's centre, up to which a cell is its own, from which on it is nothing


@dataclass
class DigitFinderOutput(BaseOutput):
    """What is found in each frame.

    Args:
        logits (`torch.Tensor` of shape `(B, 11, y, x)`): of each cell: the digit whose centre lies there, or nothing.
        features (`torch.Tensor` of shape `(B, F)`): the highest value of each channel below them.
    """

    logits: Tensor
    features: Tensor


class DigitFinder(ModelMixin, ConfigMixin):
    """A small convolutional network that says of each cell of a frame which digit has its centre there, if one has.

    Args:
        width (`int`, defaults to 24): channels after the first convolution; later layers have 2 and 3 times as many.
    """

    @register_to_config
    def __init__(self, width: int = 24):
        check_judge(width=width)
        super().__init__()
        self.layers = nn.Sequential(
            ConvolutionUnit(1, width, kernel_size=5, stride=2),
            ConvolutionUnit(width, 2 * width, stride=2),
            ConvolutionUnit(2 * width, 3 * width),
            ResidualUnit(3 * width),
            ConvolutionUnit(3 * width, 3 * width),
        )
        self.head = nn.Conv2d(3 * width, CLASSES + 1, 1)

    def forward(self, brightness: Tensor) -> DigitFinderOutput:
        """Look at frames.

        Args:
            brightness (`torch.Tensor` of shape `(B, Y, X)`): in [0, 1]; Y and X are multiples of 4.

        Returns:
            `DigitFinderOutput`.
        """
        hidden_states = self.layers(brightness[:, None])
        return DigitFinderOutput(self.head(hidden_states), hidden_states.amax(dim=(2, 3)))


def cell_classes(digits: Tensor, centres: Tensor, side: int) -> Tensor:
    """Which class each cell has.

    Args:
        digits (`torch.LongTensor` of shape `(B, k)`): the digits of each frame; -1 where there are fewer than k.
        centres (`torch.Tensor` of shape `(B, k, 2)`): x and y of their centres in pixels.
        side (`int`): pixel rows and columns of a frame.

    Returns:
        `torch.LongTensor` of shape `(B, y, x)`: the digit, `NOTHING`, or `IGNORED` around a digit's own cells.
    """
    middles = (torch.arange(side // CELL) + 0.5) * CELL
    found = torch.full((len(digits), len(middles), len(middles)), NOTHING)
    gap_x, gap_y = ((middles - centres[..., axis, None]).abs() / CELL for axis in (0, 1))
    gaps = torch.maximum(gap_y[..., :, None], gap_x[..., None, :])  # (B, k, y, x)
    is_there = (digits >= 0)[..., None, None]
    found[((gaps < _FAR) & is_there).any(dim=1)] = IGNORED
    gaps = gaps.masked_fill(~is_there, torch.inf)
    nearest, which = gaps.min(dim=1)
    own = digits.gather(1, which.flatten(1)).view_as(which)
    return torch.where(nearest < _NEAR, own, found)


def finder_loss(finder: DigitFinder, brightness: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy of the cells of digits and of the others, each kind counting one half.

    Args:
        finder (`DigitFinder`): in training.
        brightness (`torch.Tensor` of shape `(B, Y, X)`): in [0, 1].
        classes (`torch.LongTensor` of shape `(B, y, x)`): from `cell_classes`.

    Returns:
        `torch.Tensor` of shape `()`.
    """
    losses = functional.cross_entropy(finder(brightness).logits, classes, ignore_index=IGNORED, reduction="none")
    is_digit, is_nothing = (classes >= 0) & (classes != NOTHING), classes == NOTHING
    return losses[is_digit].mean() + losses[is_nothing].mean()


@dataclass(frozen=True)
class FoundDigits:
    """The digits of one frame, the surest first.

    Args:
        digits (`tuple[int, ...]`): what they are.
        centres (`tuple[tuple[float, float], ...]`): x and y of each in pixels.
    """

    digits: tuple[int, ...]
    centres: tuple[tuple[float, float], ...]


@torch.inference_mode()
def read_digits(output: DigitFinderOutput) -> list[FoundDigits]:
    """The digits that stand out in each frame: cells that are likelier a digit than nothing, and more than those
    beside them.

    Args:
        output (`DigitFinderOutput`): of B frames.

    Returns:
        `list[FoundDigits]`: B of them.
    """
    logits = output.logits
    best, which = logits[:, :CLASSES].max(dim=1)
    odds = best - logits[:, NOTHING]  # (B, y, x)
    is_peak = (odds == functional.max_pool2d(odds, 3, stride=1, padding=1)) & (odds > 0)
    weights = functional.pad(odds.sigmoid(), (1, 1, 1, 1))
    frames: list[list[tuple[float, int, float, float]]] = [[] for _ in range(len(odds))]
    for frame, row, column in is_peak.nonzero().tolist():
        around = weights[frame, row : row + 3, column : column + 3]
        total, steps = around.sum(), torch.arange(-1, 2, device=around.device)
        x = column + 0.5 + float((around.sum(0) * steps).sum() / total)
        y = row + 0.5 + float((around.sum(1) * steps).sum() / total)
        surest = float(odds[frame, row, column])
        frames[frame].append((surest, int(which[frame, row, column]), x * CELL, y * CELL))
    found = []
    for peaks in frames:
        peaks.sort(reverse=True)
        found.append(FoundDigits(tuple(peak[1] for peak in peaks), tuple(peak[2:] for peak in peaks)))
    return found
