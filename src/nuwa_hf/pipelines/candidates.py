# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Several candidates for one output, of which the best is kept: their generators, their memory, and the choice.

Legend: B outputs, T, H, W visual grid.
"""

import torch

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.sampling_memory import sampling_memory


MEMORY_TO_SPARE = 256 * 2**20  # bytes that candidates may take together on any machine that runs a pipeline


def candidate_generators(
    generator: torch.Generator | list[torch.Generator] | None,
    num_outputs: int,
    num_candidates: int,
    device: torch.device,
) -> list[list[torch.Generator]]:
    """A generator for each candidate of each output, so that its tokens do not depend on which are sampled together.

    The first candidate has its output's own generator: it is the one of a call without candidates. The others have
    generators seeded with the numbers that the output's generator would give next.

    Args:
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): as a call takes it. One for several
            outputs gives a seed to each of them; so does torch's global generator where there is none.
        num_outputs (`int`): B.
        num_candidates (`int`): candidates of each output.
        device (`torch.device`): where generators are made if none is given.

    Returns:
        `list[list[torch.Generator]]`: for each candidate, those of the B outputs.
    """
    if isinstance(generator, list):
        of_outputs = generator
    elif generator is not None and num_outputs == 1:
        of_outputs = [generator]
    else:
        of_outputs = seeded_by(generator, num_outputs, device)
    copies = {}  # a generator that stands in the list twice has one copy, which gives both outputs their seeds
    for one in of_outputs:
        copies.setdefault(one, torch.Generator(one.device).set_state(one.get_state()))
    others = [seeded_by(copies[one], num_candidates - 1, device) for one in of_outputs]
    return [of_outputs, *(list(row) for row in zip(*others, strict=True))]


def candidates_at_once(
    model: NuwaForConditionalGeneration,
    grid: Grid,
    memory: int,
    *,
    num_outputs: int,
    uses_guidance: bool,
    schedule: str,
    condition_places: int = 0,
) -> int:
    """How many candidates of each output are sampled together: as many as fit into some memory, but at least one.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        grid (`Grid`): what is sampled.
        memory (`int`): bytes.
        num_outputs (`int`): B.
        uses_guidance (`bool`): whether two rows are sampled for each.
        schedule (`str`): `"wavefront"` or `"raster"`.
        condition_places (`int`, defaults to 0): places of conditions beside the text; see `sampling_memory`.

    Returns:
        `int`: at least 1.
    """
    how = {"uses_guidance": uses_guidance, "schedule": schedule, "condition_places": condition_places}
    one, two = (
        sampling_memory(model, grid, batch_size=batch_size, **how).total
        for batch_size in (num_outputs, 2 * num_outputs)
    )
    return max(1, memory // (two - one))


class BestSoFar:
    """The best candidate of each output among those seen; of equally good ones the first."""

    def __init__(self):
        self.tokens = None
        self.scores = None

    def add(self, tokens: torch.Tensor, scores: torch.Tensor) -> None:
        """Look at one more candidate of each output.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the candidates.
            scores (`torch.Tensor` of shape `(B,)`): the higher the better.
        """
        if self.tokens is None:
            self.tokens, self.scores = tokens, scores
            return
        is_better = scores > self.scores
        self.tokens = torch.where(is_better.to(tokens.device)[:, None, None, None], tokens, self.tokens)
        self.scores = torch.where(is_better, scores, self.scores)


def seeded_by(generator: torch.Generator | None, count: int, device: torch.device) -> list[torch.Generator]:
    """New generators, on the device of the one that gives their seeds.

    Args:
        generator (`torch.Generator`, *optional*): gives the seeds; torch's global one if None.
        count (`int`): how many.
        device (`torch.device`): where they are if it is None.

    Returns:
        `list[torch.Generator]`.
    """
    if generator is None:
        home, seeds = ("cpu" if device.type == "mps" else device), torch.randint(2**63 - 1, (count,))
    else:
        home = generator.device
        seeds = torch.randint(2**63 - 1, (count,), generator=generator, device=home)
    return [torch.Generator(home).manual_seed(seed) for seed in seeds.tolist()]
