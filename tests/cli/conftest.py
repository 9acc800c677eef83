# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An input file of every kind, and a way to run a command on them."""

import numpy as np
import PIL.Image
import pytest
from tiny import FRAME_SIZE, NUM_CLASSES, VISUAL_GRID

from nuwa_hf import color_class_map
from nuwa_hf.cli import main
from nuwa_hf.datasets.class_map import palette
from nuwa_hf.media import write_gif


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def input_folder(here):
    """The working directory with the files that INPUTS names."""
    rng = np.random.default_rng(0)
    width, height = FRAME_SIZE
    frames = [
        PIL.Image.fromarray(rng.integers(0, 8, (height, width, 3), dtype=np.uint8) * 36) for _ in range(VISUAL_GRID[0])
    ]
    write_gif(frames, here / "clip.gif", fps=4)
    frames[0].save(here / "image.png")
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 2] = 255
    PIL.Image.fromarray(mask).save(here / "mask.png")
    for number in range(VISUAL_GRID[0]):
        sketch = color_class_map(rng.integers(0, NUM_CLASSES, (height, width)), palette)
        sketch.save(here / f"sketch-{number}.png")
    return here


@pytest.fixture
def run(checkpoint):
    """Runs a command with the tiny checkpoint and returns its exit status."""

    def run_command(*arguments):
        return main([*arguments, "--checkpoint", str(checkpoint), "--device", "cpu"])

    return run_command


@pytest.fixture
def new_files(input_folder):
    """The names of the files that are there now and were not."""
    before = set(input_folder.iterdir())
    return lambda: sorted(path.name for path in set(input_folder.iterdir()) - before)
