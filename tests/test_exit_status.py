# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from nuwa_hf.exit_status import OTHER_TORCHVISION, RunNotFinite, StoppedEarly, exit_status


@pytest.mark.parametrize(
    ("error", "rank", "status", "line"),
    [
        (ValueError("`seed` must be\n  at least 0."), "0", 2, "nuwa-hf: error: `seed` must be at least 0.\n"),
        (
            OSError(28, "No space left on device", "run/x"),
            "1",
            2,
            "nuwa-hf: error: [Errno 28] No space left on device: 'run/x'\n",
        ),
        (FloatingPointError("`loss` is nan."), "0", 1, "nuwa-hf: error: `loss` is nan.\n"),
        (FloatingPointError("a pixel is nan."), "1", 1, "nuwa-hf: error: a pixel is nan.\n"),
        (RunNotFinite("`loss` is nan."), "0", 1, "nuwa-hf: error: `loss` is nan.\n"),
        (RunNotFinite("`loss` is nan."), "1", 1, ""),
        (StoppedEarly("stopped; go on so."), "0", 75, "nuwa-hf: stopped; go on so.\n"),
        (StoppedEarly("stopped; go on so."), "1", 75, ""),
        (KeyboardInterrupt(), "0", 130, "nuwa-hf: interrupted; nothing more was written.\n"),
        (KeyboardInterrupt("go on so."), "0", 130, "nuwa-hf: interrupted; go on so.\n"),
        (KeyboardInterrupt("go on so."), "1", 130, ""),
        (
            RuntimeError("[pair.cc:553] Connection closed by peer [127.0.0.1]:22220. GLHF!"),
            "1",
            1,
            "nuwa-hf: ended, since another process of this run did; what it said is the reason.\n",
        ),
    ],
)
def test_an_error_is_an_exit_status_and_one_line_from_the_process_it_concerns(
    monkeypatch, capsys, error, rank, status, line
):
    def command(_):
        raise error

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert exit_status(command, []) == status
    assert capsys.readouterr().err == line


def test_ctrl_c_while_a_library_is_imported_is_no_missing_library(capsys):
    """`evaluate` asked for torchmetrics to be installed."""

    def command(_):
        try:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as interruption:
                raise ImportError("initialization failed") from interruption  # as pybind11 does
        except ImportError as error:
            raise ValueError("`torchmetrics` must be installed.") from error

    assert exit_status(command, []) == 130
    assert capsys.readouterr().err == "nuwa-hf: interrupted; nothing more was written.\n"


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_that_ends_gives_its_own_status(returned, status):
    assert exit_status(lambda _: returned, []) == status


def test_an_error_of_ours_keeps_its_traceback(monkeypatch):
    def fail(_):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(KeyError):
        exit_status(lambda _: {}.popitem(), [])
    with pytest.raises(RuntimeError, match="by peer"):
        exit_status(fail, [])


@pytest.mark.processes
def test_a_torchvision_of_another_build_is_said_in_one_line(tmp_path):
    """Of such a torchvision, torch raises this very error where it is imported."""
    package, about = tmp_path / "torchvision", tmp_path / "torchvision-0.28.0.dist-info"
    package.mkdir()
    (package / "__init__.py").write_text("import torch\ntorch.library.register_fake('torchvision::nms')(print)\n")
    (package / "transforms.py").touch()
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n")
    command = [sys.executable, "-m", "nuwa_hf.cli", "text-to-image", "a bird"]
    ended = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr == f"nuwa-hf: error: {OTHER_TORCHVISION}\n"


@pytest.mark.parametrize(
    ("closed", "output", "errors"), [(1, "", "a line of the log\n"), (2, "the result\n", ""), (None, "", "")]
)
def test_a_closed_stream_takes_nothing_from_the_other_and_is_no_error(closed, output, errors):
    """Without stdout the work ended with a traceback; without stderr the log went to stdout."""
    program = """if True:
        import logging, sys, tqdm
        from nuwa_hf.exit_status import exit_status
        def command(_):
            print("the result")
            logging.getLogger("nuwa_hf").info("a line of the log")
        sys.exit(exit_status(command, []))
    """
    streams = (1, 2) if closed is None else (closed,)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        preexec_fn=lambda: [os.close(stream) for stream in streams],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0
    assert ended.stdout == output
    assert ended.stderr.endswith(errors)
    assert ended.stderr.count("\n") == errors.count("\n")


@pytest.mark.skipif(not hasattr(select, "poll"), reason="asks the pipe")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("sys.stdout.write('x' * 100)", 141),
        ("sys.stdout.write('x' * 100_000)", 141),
        ("(print('usage'), sys.exit(0))", 141),
        ("(sys.stderr.write('a bar'), print(1))", 141),
        ("sys.stderr.write('a bar')", 0),
        ("os.write(other, b'x')", 2),
    ],
    ids=["short", "long", "help", "bar", "nothing", "another-pipe"],
)
def test_a_reader_that_has_gone_is_no_error_however_much_was_written(command, status, unbuffered):
    """A long output, or `PYTHONUNBUFFERED`, made it an error of status 2; a help left a traceback and 120."""
    program = f"""if True:
        import os, sys
        from nuwa_hf.exit_status import exit_status
        reader, other = os.pipe()
        os.close(reader)
        sys.stdin.readline()
        sys.exit(exit_status(lambda _: {command} and None))
    """
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    if "print(1)" in command:
        streams["stderr"] = subprocess.STDOUT  # `2>&1 | head`
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, text=True, **streams) as process:
        if command != "os.write(other, b'x')":
            process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.close()
        said = "" if process.stderr is None else process.stderr.read()
    assert process.returncode == status
    assert said == {0: "a bar", 2: "nuwa-hf: error: [Errno 32] Broken pipe\n", 141: ""}[status]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="writes to a full device")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_stdout_that_takes_nothing_more_is_one_line(unbuffered):
    program = "import sys; from nuwa_hf.exit_status import exit_status; sys.exit(exit_status(lambda _: print('x')))"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 2
    assert ended.stderr == "nuwa-hf: error: [Errno 28] No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize(("seconds", "waits"), [(0.5, True), (60, False)])
def test_ctrl_c_while_python_exits_is_one_line_and_once_more_ends_what_hangs(seconds, waits):
    """Python's exit waits for threads, such as those of an upload, and answered Ctrl-C with its own traceback."""
    program = f"""if True:
        import sys, time
        from concurrent.futures import ThreadPoolExecutor
        from nuwa_hf.exit_status import exit_status
        def command(_):
            ThreadPoolExecutor().submit(lambda: (time.sleep({seconds}), print("uploaded", flush=True)))
            raise KeyboardInterrupt
        sys.exit(exit_status(command))
    """
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # What a shell starts behind `&` has Ctrl-C ignored, and so would the program.
    streams["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen([sys.executable, "-c", program], **streams) as process:
        said = process.stderr.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        while not waits and process.poll() is None:  # two that come at once count as one
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said + errors == "nuwa-hf: interrupted; nothing more was written.\n"
    assert output == ("uploaded\n" if waits else "")
