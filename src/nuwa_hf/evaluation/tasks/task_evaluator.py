# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Runs the tasks of one checkpoint on real samples and has the judges score the outputs.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf import pipelines
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.judges.verdict_scores import ClipTruth, chance, score_frames, score_verdicts
from nuwa_hf.evaluation.tasks.real_samples import RealSamples
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.tasks import get_task


Row = dict[str, Any]  # score to its accuracy (a dict) or value (a float)
Table = dict[str, Row]  # what is judged, such as "real" or "codec", to its scores


def run_in_batches(
    pipeline: NuwaPipelineBase,
    inputs: dict[str, Sequence | Tensor],
    *,
    batch_size: int,
    seed: int,
    description: str = "generating",
    **options: Any,
) -> Tensor:
    """Call a pipeline on many inputs. Each has its own seed, so the batch size does not change the outputs.

    Args:
        pipeline (`NuwaPipelineBase`): of any task.
        inputs (`dict`): arguments that have one entry for each output, at least one argument.
        batch_size (`int`): inputs at once.
        seed (`int`): of the first output; each further one adds 1.
        description (`str`, defaults to `"generating"`): beside the progress bar.
        options: arguments that are the same for all.

    Returns:
        `torch.Tensor` of shape `(B, 3, Y, X)` or `(B, T, 3, Y, X)`: in [0, 1], on the CPU.
    """
    pipeline.set_progress_bar_config(disable=True)
    num_outputs = len(next(iter(inputs.values())))
    outputs = []
    with tqdm(total=num_outputs, desc=description) as progress:
        for start in range(0, num_outputs, batch_size):
            batch = {name: values[start : start + batch_size] for name, values in inputs.items()}
            places = range(start, min(start + batch_size, num_outputs))
            generators = [torch.Generator().manual_seed(seed + place) for place in places]
            output = pipeline(**batch, **options, generator=generators, output_type="pt", return_dict=False)[0]
            outputs.append(output.float().cpu())
            progress.update(len(places))
    return torch.cat(outputs)


@dataclass(frozen=True)
class TaskEvaluator:
    """One checkpoint, the judges, and the real samples that its tasks start from.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task.
        judges (`Judges`): trained on the same classes.
        real (`RealSamples`): what the tasks start from.
        coded (`torch.Tensor` of shape `(B, T, 3, Y, X)`): the real clips through the codec, in [0, 1].
        batch_size (`int`, defaults to 16): outputs at once.
        seed (`int`, defaults to 0): of the first output of each run; each further one adds 1.
        sampling (`dict`): `guidance_scale`, `temperature`, `top_k`, `top_p` of the pipelines, where given.
    """

    pipeline: NuwaPipelineBase
    judges: Judges
    real: RealSamples
    coded: Tensor
    batch_size: int = 16
    seed: int = 0
    sampling: dict[str, Any] = field(default_factory=dict)

    def take(self, places: list[int]) -> "TaskEvaluator":
        """The same evaluator on some of the samples.

        Args:
            places (`list[int]`): which, in order.

        Returns:
            `TaskEvaluator`.
        """
        return replace(self, real=self.real.take(places), coded=self.coded[places])

    def run(self, abbreviation: str, inputs: dict[str, Sequence | Tensor], description: str, **options: Any) -> Tensor:
        """Run one task.

        Args:
            abbreviation (`str`): such as `"T2V"`.
            inputs (`dict`): arguments that have one entry for each output.
            description (`str`): beside the progress bar.
            options: arguments that are the same for all.

        Returns:
            `torch.Tensor` of shape `(B, 3, Y, X)` or `(B, T, 3, Y, X)`: in [0, 1].
        """
        task = get_task(abbreviation)
        sampling = {name: value for name, value in self.sampling.items() if value is not None}
        if task.condition == "none":  # a task without a condition has no guidance
            sampling.pop("guidance_scale", None)
        return run_in_batches(
            getattr(pipelines, task.pipeline).from_pipe(self.pipeline),
            inputs,
            batch_size=self.batch_size,
            seed=self.seed,
            description=f"{abbreviation} {description}",
            **sampling,
            **options,
        )

    def score_images(self, images: Tensor, truths: Sequence[ClipTruth] | None = None) -> Row:
        """Judge single images.

        Args:
            images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1].
            truths (`Sequence[ClipTruth]`, *optional*): what they should show; by default what the stills show.

        Returns:
            `dict`: the accuracies `object` and `background`.
        """
        truths = self.real.image_truths if truths is None else truths
        scores = score_frames(self.judges.judge_frames(images), truths)
        return {name: accuracy.to_dict() for name, accuracy in scores.items()}

    def score_clips(self, clips: Tensor, truths: Sequence[ClipTruth] | None = None) -> Row:
        """Judge clips.

        Args:
            clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
            truths (`Sequence[ClipTruth]`, *optional*): what they should show; by default what the clips show.

        Returns:
            `dict`: the accuracies of `score_verdicts`.
        """
        scores = score_verdicts(self.judges(clips), self.real.truths if truths is None else truths)
        return {name: accuracy.to_dict() for name, accuracy in scores.items()}

    def score_chance(self, names: Sequence[str], truths: Sequence[ClipTruth] | None = None) -> Row:
        """The accuracy of guessing.

        Args:
            names (`Sequence[str]`): the scores to name.
            truths (`Sequence[ClipTruth]`, *optional*): by default those of the clips.

        Returns:
            `dict`: the expected accuracy of each that has one.
        """
        dataset = self.real.dataset
        sizes = (len(dataset.object_names), len(dataset.background_names), len(dataset.motion_names))
        expected = chance(self.real.truths if truths is None else truths, *sizes)
        return {name: {"accuracy": expected[name]} for name in names if name in expected}
