# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A run in Accelerate's trackers: its arguments, numbers and pictures, each of them once."""

import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from nuwa_hf.training.run.run_state import RunState


PROJECT = "nuwa_hf"
NAME_FILE = "tracker_run.txt"  # under which name the run goes on in trackio and Weights & Biases


@contextmanager
def tracking(state: RunState) -> Iterator[None]:
    """Within the block, the trackers of `log_with` get what the run logs. They are closed however the block ends.

    A run that was resumed goes on in the same run of the tracker. What a killed run sent after the checkpoint is
    dropped there as in `metrics.jsonl`, for it comes again; Weights & Biases keeps it and drops what comes again.

    Args:
        state (`RunState`): after `resume`.

    Yields:
        Nothing.
    """
    accelerator = state.accelerator
    if state.arguments.log_with is not None and accelerator.is_main_process:
        values = _plain_values(state)
        name = _name_of_run(state)
        names = {str(tracker) for tracker in accelerator.log_with}
        if "trackio" in names:
            _forget_in_trackio(name, state.step)
        # Everything is sent again where the run starts anew, and what comes after the step where it goes on.
        first = state.step + 1 if state.step > 0 else 0
        options = {
            "tensorboard": {"purge_step": first},
            "trackio": {"name": name, "resume": "allow", "config": values},
            "wandb": {"name": name, "id": name, "resume": "allow", "dir": str(state.output_dir)},
        }
        accelerator.init_trackers(PROJECT, init_kwargs=options)
        for tracker in accelerator.trackers:
            _store_arguments(tracker, values)
    try:
        yield
    finally:
        for tracker in accelerator.trackers:  # `end_training` would also end the process group
            _finish(tracker)


def log_pictures(accelerator: Accelerator, pictures: dict[str, PIL.Image.Image], step: int) -> None:
    """Sends pictures to the trackers that can show them: trackio, TensorBoard, and Weights & Biases.

    Args:
        accelerator (`Accelerator`): of the run.
        pictures (`dict[str, PIL.Image.Image]`): name to picture.
        step (`int`): the step that they show.
    """
    arrays = {name: np.asarray(picture.convert("RGB"))[None] for name, picture in pictures.items()}
    for tracker in accelerator.trackers:
        if tracker.name == "tensorboard":
            tracker.log_images(arrays, step=step, dataformats="NHWC")
            tracker.writer.flush()
        elif tracker.name == "wandb":
            tracker.log_images(arrays, step=step)
        elif tracker.name == "trackio":
            import trackio

            tracker.log({name: trackio.Image(array[0]) for name, array in arrays.items()}, step=step)


def _plain_values(state: RunState) -> dict[str, Any]:
    """The run's arguments; lists and None become strings, which every tracker accepts."""
    values = vars(state.arguments)
    return {name: value if isinstance(value, int | float | str) else str(value) for name, value in values.items()}


def _name_of_run(state: RunState) -> str:
    """The name that a resumed run had before; else a new one, which no other run has."""
    path = state.output_dir / NAME_FILE
    if state.step > 0 and path.is_file():
        return path.read_text(encoding="utf-8").strip()
    name = f"{state.output_dir.resolve().name}-{uuid.uuid4().hex[:8]}"
    path.write_text(name + "\n", encoding="utf-8")
    return name


def _store_arguments(tracker: GeneralTracker, values: dict[str, Any]) -> None:
    if tracker.name == "tensorboard":
        from torch.utils.tensorboard.summary import hparams

        for summary in hparams(values, {}):  # in the run itself, where Accelerate would start another beside it
            tracker.writer.file_writer.add_summary(summary)
    elif tracker.name != "trackio":  # which has got them at its start
        tracker.store_init_configuration(values)


def _finish(tracker: GeneralTracker) -> None:
    if tracker.name == "trackio":
        import trackio

        trackio.finish()  # with Accelerate's, trackio would finish it once more when Python ends
    else:
        tracker.finish()


def _forget_in_trackio(name: str, step: int) -> None:
    """Drops a run's points and pictures after a step. Trackio itself can only delete whole runs."""
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import project_media_dir

    database = SQLiteStorage.get_project_db_path(PROJECT)
    if database.is_file():
        with closing(sqlite3.connect(database, timeout=30.0)) as connection, connection:
            connection.execute("DELETE FROM metrics WHERE run_name = ? AND step > ?", (name, step))
    for folder in Path(project_media_dir(PROJECT), name).glob("[0-9]*"):
        if int(folder.name) > step:
            shutil.rmtree(folder)
