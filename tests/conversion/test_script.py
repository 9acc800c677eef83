# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import subprocess
import sys

import pytest
from safetensors import SafetensorError
from source_models import SCRIPTS, load_script

from nuwa_hf.conversion.script import ConversionScript, build_parser, run_conversion


ALL = sorted(path.stem for path in SCRIPTS.glob("*.py") if "\nSCRIPT = " in path.read_text(encoding="utf-8"))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.ckpt"
    path.write_text("source", encoding="utf-8")
    return path


def script(convert=None, verify=None, **options):
    def write(arguments, folder):
        (folder / "result").write_text(arguments.input.read_text(encoding="utf-8"), encoding="utf-8")

    return ConversionScript("What.", "python convert.py a b", convert or write, verify, **options)


def raise_after_writing(error):
    def convert(arguments, folder):
        (folder / "part").touch()
        raise error

    return convert


def test_result_is_in_place_and_alone(source, tmp_path):
    assert run_conversion(script(), [str(source), str(tmp_path / "deep" / "out")]) == 0
    assert (tmp_path / "deep" / "out" / "result").read_text(encoding="utf-8") == "source"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("wrong"), 1),
        (OSError("disk"), 1),
        (SafetensorError("disk"), 1),  # what safetensors raises where one is full
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failure_leaves_nothing(error, status, source, tmp_path):
    arguments = [str(source), str(tmp_path / "deep" / "out")]
    assert run_conversion(script(raise_after_writing(error)), arguments) == status
    assert list(tmp_path.iterdir()) == [source]


def test_failure_leaves_an_empty_output_folder_as_it_was(source, tmp_path):
    (tmp_path / "out").mkdir()
    assert run_conversion(script(raise_after_writing(ValueError("wrong"))), [str(source), str(tmp_path / "out")]) == 1
    assert list((tmp_path / "out").iterdir()) == []
    assert run_conversion(script(), [str(source), str(tmp_path / "out")]) == 0


def test_unexpected_errors_leave_nothing_either(source, tmp_path):
    with pytest.raises(ZeroDivisionError):
        run_conversion(script(raise_after_writing(ZeroDivisionError())), [str(source), str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == [source]


def test_output_that_is_there_is_not_touched(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert run_conversion(script(), [str(source), str(tmp_path / "out")]) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_missing_input_is_an_error(tmp_path, caplog):
    assert run_conversion(script(), [str(tmp_path / "no.ckpt"), str(tmp_path / "out")]) == 1
    assert "no.ckpt" in caplog.text


def test_result_that_is_not_verified_is_not_written(source, tmp_path, caplog):
    def verify(arguments, folder):
        assert (folder / "result").is_file()
        raise ValueError("3 tokens differ")

    assert run_conversion(script(verify=verify), [str(source), str(tmp_path / "out"), "--verify"]) == 1
    assert "3 tokens differ" in caplog.text
    assert list(tmp_path.iterdir()) == [source]


def test_arguments_are_refused_before_any_work(source, tmp_path):
    def check(arguments):
        raise ValueError("no")

    done = []
    refused = script(lambda *_: done.append(1), check=check)
    assert run_conversion(refused, [str(source), str(tmp_path / "out")]) == 1
    assert (
        run_conversion(script(lambda *_: done.append(1)), [str(source), str(tmp_path / "out"), "--push_to_hub", "x"])
        == 1
    )
    assert done == []
    assert list(tmp_path.iterdir()) == [source]


def test_push_that_fails_keeps_the_result_and_is_a_failure(source, tmp_path, caplog):
    """The folder holds nothing to load, so it is refused before any request."""
    assert run_conversion(script(), [str(source), str(tmp_path / "out"), "--push_to_hub", "user/model"]) == 1
    assert (tmp_path / "out" / "result").is_file()
    assert "error" in caplog.text


@pytest.mark.parametrize("name", ALL)
def test_every_script_has_help_with_an_example_of_its_own(name):
    shown = build_parser(load_script(name).SCRIPT).format_help()
    assert f"example:\n  python conversion_scripts/{name}.py " in shown
    assert "INPUT OUTPUT_DIR" in shown


@pytest.mark.slow
def test_program_ends_with_status_1_and_one_line(tmp_path):
    program = [sys.executable, str(SCRIPTS / "convert_diffusers_vqmodel.py")]
    failed = subprocess.run([*program, str(tmp_path / "no"), str(tmp_path / "out")], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "error: `INPUT` must be a checkpoint" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_options_that_make_no_sense_are_not_offered():
    assert "--verify" not in build_parser(script()).format_help()
    assert "--push_to_hub" not in build_parser(script(can_push=False)).format_help()
