# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sends a run's arguments and pictures to Accelerate's trackers."""

from typing import Any

import numpy as np
import PIL.Image
from accelerate import Accelerator

from nuwa_hf.training.run.run_arguments import RunArguments


def store_arguments(accelerator: Accelerator, arguments: RunArguments) -> None:
    """Sends the run's arguments to every tracker, as its configuration.

    Args:
        accelerator (`Accelerator`): with its trackers started.
        arguments (`RunArguments`): lists and None are stored as strings, which every tracker accepts.
    """
    values = {
        name: value if isinstance(value, int | float | str) else str(value) for name, value in vars(arguments).items()
    }
    for tracker in accelerator.trackers:
        tracker.store_init_configuration(values)


def log_pictures(accelerator: Accelerator, pictures: dict[str, PIL.Image.Image], step: int) -> None:
    """Sends pictures to the trackers that can show them: TensorBoard and Weights & Biases.

    Args:
        accelerator (`Accelerator`): with its trackers started.
        pictures (`dict[str, PIL.Image.Image]`): name to picture.
        step (`int`): the step that they show.
    """
    options: dict[str, dict[str, Any]] = {"tensorboard": {"dataformats": "NHWC"}, "wandb": {}}
    for tracker in accelerator.trackers:
        if tracker.name in options:
            arrays = {name: np.asarray(picture.convert("RGB"))[None] for name, picture in pictures.items()}
            tracker.log_images(arrays, step=step, **options[tracker.name])


def finish_trackers(accelerator: Accelerator) -> None:
    """Ends the trackers, and leaves the process group to `leaves_in_order`.

    Args:
        accelerator (`Accelerator`): whose trackers write what they still hold.
    """
    for tracker in accelerator.trackers:
        tracker.finish()
