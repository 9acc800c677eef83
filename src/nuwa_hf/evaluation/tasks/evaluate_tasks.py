# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judges every task except text to video, on the splits on which it is reported."""

from collections.abc import Iterator, Mapping, Sequence

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.judges.judges import SEGMENT_JUDGE_FOLDER, Judges
from nuwa_hf.evaluation.tasks.completion_tasks import judge_image_completion, judge_video_prediction
from nuwa_hf.evaluation.tasks.drawing_tasks import (
    judge_candidates,
    judge_sketch_to_image,
    judge_sketch_to_video,
    judge_text_to_image,
)
from nuwa_hf.evaluation.tasks.manipulation_tasks import judge_image_manipulation, judge_video_manipulation
from nuwa_hf.evaluation.tasks.real_samples import RealSamples
from nuwa_hf.evaluation.tasks.task_evaluator import Table, TaskEvaluator
from nuwa_hf.evaluation.tasks.text_to_video import through_codec
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.tasks import get_task


# Text to video is judged by `text_to_video.evaluate_split`.
JUDGED_BY = {
    "T2I": judge_text_to_image,
    "S2I": judge_sketch_to_image,
    "S2V": judge_sketch_to_video,
    "I2I": judge_image_completion,
    "V2V": judge_video_prediction,
    "TI2I": judge_image_manipulation,
    "TV2V": judge_video_manipulation,
}
# Only tasks whose text names a thing and a motion have held-out pairs.
SPLITS_OF = {"TV2V": ("val", "zeroshot")}
SKETCH_TASKS = ("S2I", "S2V")


def check_tasks(tasks: Sequence[str], pipeline: NuwaPipelineBase, judges: Judges) -> None:
    """Check that the checkpoint and the judges have what the tasks need.

    Args:
        tasks (`Sequence[str]`): abbreviations.
        pipeline (`NuwaPipelineBase`): the checkpoint.
        judges (`Judges`): the judges.

    Raises:
        ValueError: If something is missing.
    """
    sketched = [task for task in tasks if task in SKETCH_TASKS]
    if sketched and pipeline.sketch_vqgan is None:
        raise ValueError(
            f"`checkpoint` must hold sketch_vqgan for {', '.join(sketched)}, got one without; leave them out of "
            "`tasks`."
        )
    if sketched and judges.segment_judge is None:
        raise ValueError(
            f"`judges` must hold {SEGMENT_JUDGE_FOLDER}/ for {', '.join(sketched)}, got a directory without; run "
            "`nuwa-hf train-judges` on it, which trains only what is missing, or leave them out of `tasks`."
        )


def evaluate_tasks(
    tasks: Sequence[str],
    datasets: Mapping[str, EmojiMotion],
    judges: Judges,
    pipeline: NuwaPipelineBase,
    *,
    num_images: int,
    num_videos: int,
    batch_size: int = 16,
    seed: int = 0,
    candidates: Sequence[int] = (),
    **sampling: float | None,
) -> Iterator[tuple[str, dict[str, Table]]]:
    """Judge tasks, one after the other.

    Args:
        tasks (`Sequence[str]`): abbreviations; of T2V only the best of several candidates is judged here.
        datasets (`Mapping[str, EmojiMotion]`): the splits "val" and "zeroshot", by name.
        judges (`Judges`): trained on the same classes.
        pipeline (`NuwaPipelineBase`): the checkpoint.
        num_images (`int`): samples of each split for the tasks that make images.
        num_videos (`int`): samples of each split for the tasks that make videos.
        batch_size (`int`, defaults to 16): outputs at once.
        seed (`int`, defaults to 0): of the first output of each run.
        candidates (`Sequence[int]`, defaults to `()`): numbers of candidates of T2V.
        sampling (`float`, *optional*): `guidance_scale`, `temperature`, `top_k`, `top_p` of the pipelines.

    Yields:
        `tuple[str, dict[str, Table]]`: a task's abbreviation and its tables.
    """
    trials: dict[str, TaskEvaluator] = {}

    def trial_of(task: str, split: str) -> TaskEvaluator:
        if split not in trials:
            real = RealSamples.draw(datasets[split], max(num_images, num_videos))
            coded = through_codec(pipeline.codec, real.clips, batch_size)
            trials[split] = TaskEvaluator(pipeline, judges, real, coded, batch_size, seed, sampling)
        return trials[split].take(list(range(num_images if get_task(task).output == "image" else num_videos)))

    for task in tasks:
        if task != "T2V":
            tables: dict[str, Table] = {}
            for split in SPLITS_OF.get(task, ("val",)):
                tables |= JUDGED_BY[task](trial_of(task, split))
            yield task, tables
        elif candidates:
            yield task, judge_candidates(trial_of(task, "val"), candidates)
