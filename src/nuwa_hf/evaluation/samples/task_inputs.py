# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the pipeline of a task is given for each sample of a data set.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.evaluation.samples.hidden_places import DRAWN_KINDS, KINDS, hidden_places, places_around, to_pixels
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.tasks import Task, find_task
from nuwa_hf.training.run.run_arguments import require


BOX = "box"
MASKS = (*KINDS, BOX)


@dataclass(frozen=True)
class TaskInputs:
    """The inputs of a task; `task_inputs` makes and checks them.

    Args:
        task (`Task`): the task.
        real (`RealSamples`): what it starts from.
        prompts (`tuple[str, ...]`, *optional*): a text for each sample; None if the task has none.
        factor (`int`): pixels of a token's side.
        mask (`str`, *optional*): which part of an image is hidden, one of `MASKS`.
        given_frames (`int`, *optional*): how many first frames of a clip are given.
        seed (`int`): of the masks that are drawn.
        options (`dict[str, Any]`): arguments of the pipeline that are the same for all samples.
    """

    task: Task
    real: RealSamples
    prompts: tuple[str, ...] | None
    factor: int
    mask: str | None
    given_frames: int | None
    seed: int
    options: dict[str, Any]

    def __len__(self) -> int:
        return len(self.real)

    def arguments(self, places: Sequence[int]) -> dict[str, Any]:
        """The pipeline's arguments that have one entry for each sample.

        Args:
            places (`Sequence[int]`): which samples, B of them.

        Returns:
            `dict[str, Any]`: such as `prompt`, `image`, `mask`, `video` and `sketch`.
        """
        arguments: dict[str, Any] = {}
        if self.prompts is not None:
            arguments["prompt"] = [self.prompts[place] for place in places]
        if self.task.known == "nothing" and "sketch" not in self.task.condition:
            return arguments  # no pixels need to be read
        batch = self.real.read(places)
        is_image = self.task.output == "image"
        if "sketch" in self.task.condition:
            arguments["sketch"] = batch.sketches[:, 0] if is_image else batch.sketches
        elif is_image:
            arguments |= {"image": batch.clips[:, 0], "mask": self.hidden(places, batch)[:, 0]}
        elif self.task.known == "first frames":
            arguments["video"] = batch.clips[:, : self.given_frames]
        else:
            arguments |= {"video": batch.clips, "mask": self.hidden(places, batch)}
        return arguments

    def hidden(self, places: Sequence[int], batch: SampleBatch) -> Tensor | None:
        """Which pixels the task fills.

        Args:
            places (`Sequence[int]`): which samples.
            batch (`SampleBatch`): the same samples.

        Returns:
            `torch.BoolTensor` of shape `(B, T, Y, X)`: True where it does; None if nothing of a sample is given.
        """
        if self.mask is None and self.given_frames is None:
            return None
        batch_size, num_frames, _, height, width = batch.clips.shape
        if self.mask is None:
            hidden = torch.arange(num_frames) >= self.given_frames
            return hidden[None, :, None, None].repeat(batch_size, 1, height, width)
        if self.mask == BOX:
            things = [torch.from_numpy(row["object_mask"][row["image_index"]]).bool() for row in batch.rows]
            parts = places_around(torch.stack(things), self.factor)
        else:
            grid = (height // self.factor, width // self.factor)
            parts = torch.cat([hidden_places(self.mask, 1, *grid, self.seed + place) for place in places])
        return to_pixels(parts, self.factor)[:, None]

    def settings(self) -> dict[str, Any]:
        """What the inputs depend on beside the samples, for `settings.json`.

        Returns:
            `dict[str, Any]`: values that JSON has.
        """
        settings = {"task": self.task.abbreviation, **self.options}
        settings |= {name: getattr(self, name) for name in ("mask", "given_frames") if getattr(self, name) is not None}
        return settings | ({"mask_seed": self.seed} if self.mask in DRAWN_KINDS else {})

    def rows(self, seed: int) -> Iterator[dict[str, Any]]:
        """What `metadata.jsonl` says of each sample.

        Args:
            seed (`int`): of the first sample.

        Yields:
            `dict[str, Any]`: its `text`, if it has one, and its `seed`.
        """
        for place in range(len(self)):
            text = {} if self.prompts is None else {"text": self.prompts[place]}
            yield {**text, "seed": seed + place}

    def digest_of(self, count: int) -> str:
        """A digest of the inputs of the first samples, the same however many more there are.

        Args:
            count (`int`): how many.

        Returns:
            `str`: hexadecimal.
        """
        prompts = None if self.prompts is None else self.prompts[:count]
        return settings_digest(self.real.digest_of(count), self.settings(), prompts)


def task_inputs(
    task: str,
    real: RealSamples,
    pipeline: NuwaPipelineBase,
    *,
    prompts: Sequence[str] | None = None,
    use_text: bool | None = None,
    mask: str | None = None,
    given_frames: int | None = None,
    condition_on_known: bool | None = None,
    seed: int = 0,
) -> TaskInputs:
    """Make the inputs of a task from real samples, and check that they fit.

    Args:
        task (`str`): its name or abbreviation, such as `"text-to-video"` or `"T2V"`.
        real (`RealSamples`): at the size of the checkpoint's pixels; stills for the tasks that make images.
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task.
        prompts (`Sequence[str]`, *optional*): a text for each sample in place of its caption.
        use_text (`bool`, *optional*): whether a sketch has its caption beside it; by default only where there are
            `prompts`. The tasks with a text always have one.
        mask (`str`, *optional*): which part of an image is hidden: `"half"`, the default; `"centre"`;
            `"five-percent-kept"`; `"five-percent-hidden"`; or, of EmojiMotion, `"box"` around the things.
        given_frames (`int`, *optional*): how many first frames of a clip are given; by default 1.
        condition_on_known (`bool`, *optional*): whether the known part is a condition too; by default as in the
            pipeline.
        seed (`int`, defaults to 0): of the masks that are drawn; sample i has that of `seed + i`.

    Returns:
        `TaskInputs`.

    Raises:
        ValueError: If there is no such task, or the samples, the checkpoint or an argument do not fit it.
    """
    row = find_task(task)
    _check_size(row, real, pipeline)
    uses_sketch, uses_text = "sketch" in row.condition, row.condition == "text"
    known = {"part of the image": "mask", "first frames": "given_frames", "part of the video": "given_frames"}
    wanted = {known.get(row.known)} | ({"condition_on_known"} if row.known != "nothing" else set())
    given = {"mask": mask, "given_frames": given_frames, "condition_on_known": condition_on_known}
    for name, value in given.items():
        require(value is None or name in wanted, name, f"left out of {row.name}", value, "drop it")
    require(uses_sketch or use_text in (None, uses_text), "use_text", f"left out of {row.name}", use_text, "drop it")
    if uses_sketch:
        require(
            pipeline.sketch_vqgan is not None, "checkpoint", f"one with sketch_vqgan for {row.name}", None, "load it"
        )
        real.require("sketches", row.name)
    return TaskInputs(
        row,
        real,
        _prompts(row, real, prompts, uses_text or use_text),
        pipeline.codec.spatial_factor,
        _mask(row, real, mask) if "mask" in wanted else None,
        _given_frames(real, given_frames) if "given_frames" in wanted else None,
        seed,
        _options(row, real, condition_on_known),
    )


def _check_size(task: Task, real: RealSamples, pipeline: NuwaPipelineBase) -> None:
    size, found = pipeline.image_size, (real.height, real.width)
    require(
        found == size, "real", f"at the checkpoint's size {size}", found, "open it with these `height` and `width`"
    )
    if task.output == "image":
        require(real.num_frames == 1, "real", f"stills for {task.name}", f"{real.num_frames} frames", "set `still`")
        return
    rule = "one of images with a checkpoint that draws images alone"
    require(pipeline.max_frames > 1, "task", rule, task.name, "take another task, or a checkpoint of videos")
    require(real.num_frames > 1, "real", f"clips for {task.name}", "stills", "open it with more `num_frames`")
    rates = (pipeline.frame_rate, real.size.frame_rate)
    require(rates[0] == rates[1], "real", f"at the checkpoint's {rates[0]:g} frames a second", rates[1], "open it so")


def _prompts(task: Task, real: RealSamples, prompts: Sequence[str] | None, use_text: bool | None):
    if prompts is None:
        if not use_text:
            return None
        real.require("captions", task.name)
        return real.captions
    require(task.condition != "none", "prompts", f"left out of {task.name}", len(prompts), "drop them")
    require(use_text is not False, "prompts", "left out without `use_text`", len(prompts), "drop one of them")
    require(len(prompts) == len(real), "prompts", f"one for each of {len(real)} samples", len(prompts), "give as many")
    return tuple(prompts)


def _mask(task: Task, real: RealSamples, mask: str | None) -> str:
    mask = "half" if mask is None else mask
    require(mask in MASKS, "mask", f"one of {', '.join(MASKS)}", mask, "choose one of these")
    if mask == BOX:
        real.require("rows", f"the mask {BOX!r}, of EmojiMotion,")
    return mask


def _given_frames(real: RealSamples, given_frames: int | None) -> int:
    given_frames, most = 1 if given_frames is None else given_frames, real.num_frames - 1
    rule = f"from 1 to {most}, one less than the frames of a clip"
    require(1 <= given_frames <= most, "given_frames", rule, given_frames, "give fewer")
    return given_frames


def _options(task: Task, real: RealSamples, condition_on_known: bool | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if task.output == "video" and "sketch" not in task.condition:  # a sketch has its own number of frames
        options["num_frames"] = real.num_frames
    if condition_on_known is not None:
        options["condition_on_known"] = condition_on_known
    return options
