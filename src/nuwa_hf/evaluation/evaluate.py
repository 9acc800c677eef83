# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Score a checkpoint with the judges: `nuwa-hf evaluate --checkpoint DIR --judges DIR`.

The scores of generated clips are shown beside those of real clips (a limit set by the judges), of real clips through
the codec (a limit for the transformer) and chance. By default text to video is judged; `--tasks` names other tasks,
and `--codec_only --vqgan DIR` judges the codec alone.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.evaluation.evaluate_arguments import SAMPLING_OPTIONS, parse_arguments, unmet_requirements
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.tasks.evaluate_tasks import check_tasks, evaluate_tasks
from nuwa_hf.evaluation.tasks.text_to_video import evaluate_split
from nuwa_hf.exit_status import exit_status
from nuwa_hf.media import contact_sheet, enlarge, write_png, written_aside
from nuwa_hf.metrics.score_tables import format_table, format_task
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.pipelines import NuwaTextToVideoPipeline


TASK_SPLITS = ("val", "zeroshot")
SHEET_ZOOM = 2


def check_classes(judges: Judges, dataset: EmojiMotion) -> None:
    """Check that the judges and the data set have the same classes.

    Args:
        judges (`Judges`): the judges.
        dataset (`nuwa_hf.datasets.EmojiMotion`): the data set.

    Raises:
        ValueError: If a list of names differs.
    """
    pairs = {
        "objects": (judges.frame_judge.config.object_names, dataset.object_names),
        "backgrounds": (judges.frame_judge.config.background_names, dataset.background_names),
        "motions": (judges.clip_judge.config.motion_names, dataset.motion_names),
    }
    if judges.segment_judge is not None:
        pairs["sketch classes"] = (judges.segment_judge.config.class_names, sketch_class_names)
    for kind, (judged, drawn) in pairs.items():
        if list(judged) != list(drawn):
            raise ValueError(
                f"`judges` must know the {kind} of the setting, got {len(judged)} {kind} for {len(drawn)} in the "
                "data set, or in another order; train judges for this setting."
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Score, print the tables, and write the report and the contact sheet.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0, or 1 if a requirement is not met; the last line on stderr then says which, and by how much.
    """
    arguments = parse_arguments(argv)
    judges = Judges.from_pretrained(arguments.judges, device=arguments.device)
    datasets = [EmojiMotion(setting=arguments.setting, split=split) for split in arguments.split]
    check_classes(judges, datasets[0])
    pipeline = None
    if arguments.codec_only:
        codec = as_codec(load_codec(arguments.vqgan).to(arguments.device).eval())
    else:
        pipeline = NuwaTextToVideoPipeline.from_pretrained(arguments.checkpoint).to(arguments.device)
        check_tasks(arguments.tasks, pipeline, judges)
        codec = pipeline.codec
    sampling = {name: getattr(arguments, name) for name in SAMPLING_OPTIONS}
    judged_row = "codec" if pipeline is None else "generated"
    report = {"setting": arguments.setting, "num_clips": arguments.num_clips, "seed": arguments.seed, "splits": {}}
    report |= sampling | {"task_images": arguments.task_images, "task_videos": arguments.task_videos, "tasks": {}}
    unmet = []
    for dataset in datasets if "T2V" in arguments.tasks else []:
        scores, clips, captions = evaluate_split(
            dataset,
            judges,
            codec,
            pipeline,
            num_clips=arguments.num_clips,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            **sampling,
        )
        report["splits"][dataset.split] = scores
        sys.stdout.write(f"\n{dataset.split}, {arguments.num_clips} clips\n{format_table(scores)}\n")
        if dataset is datasets[0]:
            unmet = unmet_requirements(scores[judged_row], arguments.require)
            if arguments.contact_sheet is not None:
                first = clips[: arguments.sheet_clips].permute(0, 1, 3, 4, 2).numpy()
                rows = [enlarge(VaeImageProcessor.numpy_to_pil(frames), SHEET_ZOOM) for frames in first]
                write_png(contact_sheet(rows, captions[: len(rows)]), arguments.contact_sheet)
        write_report(report, arguments.output)
    if pipeline is not None:
        for task, tables in evaluate_tasks(
            arguments.tasks,
            {split: EmojiMotion(setting=arguments.setting, split=split) for split in TASK_SPLITS},
            judges,
            pipeline,
            num_images=arguments.task_images,
            num_videos=arguments.task_videos,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            candidates=arguments.candidates,
            **sampling,
        ):
            report["tasks"][task] = tables
            sys.stdout.write(f"{format_task(task, tables)}\n")
            write_report(report, arguments.output)
    if unmet:
        sys.stderr.write(f"required of {judged_row} clips of {arguments.split[0]}, not met: {'; '.join(unmet)}\n")
        return 1
    return 0


def write_report(report: dict[str, Any], path: Path | None) -> None:
    """Write the report as far as it is complete.

    Args:
        report (`dict`): the report.
        path (`Path` or `None`): where; `None` for nowhere.
    """
    if path is not None:
        with written_aside(path) as aside:
            aside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
