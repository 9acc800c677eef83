# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run shows in a terminal and in a file."""

import io
import logging
import re
import sys
import time

import pytest

from nuwa_hf.command_logs import command_logs
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_progress import CHECKPOINT, SAMPLES, RunProgress
from nuwa_hf.training.run.run_setup import build_accelerator
from nuwa_hf.training.run.run_state import RunState


LOGGER = logging.getLogger("nuwa_hf.test")
TIME, PAUSE = r"\d\d:\d\d:\d\d ", "warning: a line from the pause"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def state(tmp_path):
    arguments = RunArguments(output_dir=str(tmp_path), device="cpu", max_train_steps=40)
    state = RunState(arguments, build_accelerator(arguments))
    state.step = 30  # as after a resume
    return state


def shown(state, monkeypatch, stream) -> str:
    """What a run writes to standard error, the log included."""
    monkeypatch.setattr(sys, "stderr", stream)
    with command_logs(is_verbose=False), RunProgress(state) as progress:
        for loss in (2.0, 1.25):
            state.step += 1
            progress.update()
            progress.show({"loss": loss, "val": None, "tokens/s": 2389.4})
        with progress.pause(SAMPLES):
            LOGGER.warning("a line from the pause")
        progress.show({"loss": 1.25, "val": 1.5, "tokens/s": 2389.4})
        with progress.pause(CHECKPOINT):
            pass
    return stream.getvalue()


def test_the_bar_has_both_losses_and_the_time_left_and_no_line_stands_in_its_middle(state, monkeypatch):
    text = shown(state, monkeypatch, Terminal())
    screen = [re.sub(r".*\r", "", line).rstrip() for line in text.split("\n")]  # what is left of each line
    assert [line for line in screen if re.fullmatch(TIME + PAUSE, line)] == [
        line for line in screen if "pause" in line
    ]
    bars = [line for line in screen if "/40" in line]
    assert len(bars) == 1, screen
    pattern = r" 80%\|.*\| 32/40 \[\d\d:\d\d<\d\d:\d\d, .*(it/s|s/it), loss=1\.250 val=1\.500 tokens/s=2389\]"
    assert re.fullmatch(pattern, bars[0])
    assert "samples: " in text
    assert "checkpoint: " in text


def test_a_file_gets_whole_lines_without_a_bar(state, monkeypatch):
    first, middle, last = shown(state, monkeypatch, io.StringIO()).splitlines()
    assert re.fullmatch(TIME + r"Step 31 of 40 \(78 %\), loss 2\.000, tokens/s 2389", first)
    assert re.fullmatch(TIME + PAUSE, middle)
    step = r"Step 32 of 40 \(80 %\), loss 1\.250, val 1\.500, tokens/s 2389, \d+ s to go"
    assert re.fullmatch(TIME + step, last)


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_only_the_main_process_shows_anything(state, monkeypatch, kind):
    monkeypatch.setattr(type(state.accelerator), "is_main_process", False)
    assert re.fullmatch(TIME + PAUSE + "\n", shown(state, monkeypatch, kind()))


def test_the_clock_of_the_speed_stands_still_in_pauses(state, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with RunProgress(state) as progress:
        start = progress.clock()
        for name in (SAMPLES, CHECKPOINT):
            now[0] += 2
            with progress.pause(name):
                now[0] += 500
        assert progress.clock() == start + 4
