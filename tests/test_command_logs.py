# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a command shows of the log."""

import logging
import os
import re
import warnings
from importlib.util import find_spec

import pytest
from tqdm import tqdm

from nuwa_hf.command_logs import SAME_IN_ALL, VERBOSE, command_logs, is_verbose_by_environment
from nuwa_hf.exit_status import exit_status


@pytest.fixture(autouse=True)
def no_levels_of_the_user(monkeypatch):
    for name in (VERBOSE, "TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        monkeypatch.delenv(name, raising=False)
    logging.getLogger("transformers").setLevel(logging.WARNING)


def talkative(argv):
    logging.getLogger("nuwa_hf.storage").info("written to %s", argv)
    logging.getLogger("nuwa_hf.pipelines").warning("cut")
    for library in ("accelerate.checkpointing", "transformers.modeling_utils"):
        logging.getLogger(library).info("saving a file")
        logging.getLogger(library).warning("deprecated")
        logging.getLogger(library).error("broken")
    warnings.warn("deprecated for you", stacklevel=1)


def shown(capsys, *argv):
    # Python would remember what it has warned of.
    assert exit_status(talkative, argv) == 0
    return re.sub(r"(?m)^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(,\d+)? ", "", capsys.readouterr().err).splitlines()


def test_by_default_our_lines_and_the_errors_of_libraries_are_shown(capsys, monkeypatch):
    monkeypatch.setattr("sys.warnoptions", [])
    lines = shown(capsys, "a", "--", "--verbose")
    ours = [line for line in lines if line != "error: broken"]
    assert ours == ["written to ['a', '--', '--verbose']", "warning: cut"]
    assert "error: broken" in lines


def test_verbose_anywhere_shows_everything_and_is_no_argument(capsys):
    with pytest.warns(UserWarning, match="deprecated for you"):
        lines = shown(capsys, "a", "--verbose", "b")
    assert "INFO nuwa_hf.storage: written to ['a', 'b']" in lines
    assert "INFO accelerate.checkpointing: saving a file" in lines
    assert "WARNING accelerate.checkpointing: deprecated" in lines


def test_workers_hear_of_it_and_afterwards_everything_is_as_it_was(capsys):
    def state():
        loggers = [logging.getLogger(name) for name in (None, "nuwa_hf", "transformers")]
        return dict(os.environ), [(logger.level, list(logger.handlers)) for logger in loggers], warnings.filters[:]

    before, heard = state(), []
    for argv in ([], ["--verbose"]):
        exit_status(lambda _: heard.append(is_verbose_by_environment()), argv)
    assert heard == [False, True]
    assert state() == before


def test_a_line_of_the_log_does_not_break_a_progress_bar(capsys):
    def command(_):
        with tqdm(total=2, desc="clips", mininterval=0) as bar:
            bar.update()
            logging.getLogger("nuwa_hf").info("in the middle")

    exit_status(command, [])
    (line,) = [part for part in re.split(r"[\r\n]", capsys.readouterr().err) if "in the middle" in part]
    assert "clips" not in line


@pytest.mark.parametrize("rank", ["0", "1"])
def test_of_several_processes_the_first_alone_says_what_all_say(rank, capsys, monkeypatch):
    assert all(find_spec(name) is not None for name in SAME_IN_ALL)
    monkeypatch.setenv("RANK", rank)
    with command_logs(is_verbose=False):
        for name in (*SAME_IN_ALL, "nuwa_hf.training.vqgan.media_frames"):
            logging.getLogger(name).warning("from %s", name)
    said = capsys.readouterr().err
    assert said.count("warning: from nuwa_hf.") == (1 if rank == "1" else 1 + len(SAME_IN_ALL))
    assert "media_frames" in said, "its rows are this process's own"
