# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What trackers hold of a run that was killed and resumed, read back from the files that the real packages wrote."""

import io
import json
import shutil
import sys

import numpy as np
import PIL.Image
import pytest
from test_fine_tuning import flags_of, tokens_folder

from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.run.trackers import NAME_FILE, PROJECT


assert tokens_folder  # a fixture
TASKS = ("T2V", "S2V", "TI2I", "V2V")


def read_tensorboard(folder) -> tuple[dict, dict, dict]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    (run,) = {path.parent for path in folder.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(run), size_guidance={"images": 0, "scalars": 0}).Reload()
    numbers = {
        (name, point.step): [one.value for one in events.Scalars(name) if one.step == point.step]
        for name in events.Tags()["scalars"]
        for point in events.Scalars(name)
    }
    pictures = {
        (name, image.step): [one.encoded_image_string for one in events.Images(name) if one.step == image.step]
        for name in events.Tags()["images"]
        for image in events.Images(name)
    }
    pictures = {key: [io.BytesIO(content) for content in contents] for key, contents in pictures.items()}
    stored = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    arguments = HParamsPluginData.FromString(stored).session_start_info.hparams
    return (
        numbers,
        pictures,
        {name: arguments[name].string_value or arguments[name].number_value for name in arguments},
    )


def read_trackio(folder) -> tuple[dict, dict, dict]:
    from trackio import Api
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import MEDIA_DIR

    name = (folder / NAME_FILE).read_text().strip()
    (run,) = (run for run in Api().runs(PROJECT) if run.name == name)
    numbers, pictures = {}, {}
    for row in SQLiteStorage.get_logs(PROJECT, name, run_id=run.id):
        for key, value in row.items():
            if isinstance(value, dict):
                pictures.setdefault((key, row["step"]), []).append(MEDIA_DIR / value["file_path"])
            elif isinstance(value, int | float) and key != "step":
                numbers.setdefault((key, row["step"]), []).append(value)
    on_disk = sorted(path for path in MEDIA_DIR.rglob("*.png") if name in path.parts)
    assert on_disk == sorted(path for paths in pictures.values() for path in paths)
    return numbers, pictures, run.config


@pytest.fixture(scope="module")
def trackio_home(tmp_path_factory):
    """Trackio reads its folder when it is imported."""
    assert "trackio" not in sys.modules
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKIO_DIR", str(tmp_path_factory.mktemp("trackio")))
        pytest.importorskip("trackio", reason="the real tracker is asked")
        yield


READERS = {"tensorboard": read_tensorboard, "trackio": read_trackio}


@pytest.fixture(params=READERS)
def tracker(request):
    if request.param == "trackio":
        request.getfixturevalue("trackio_home")
    else:
        pytest.importorskip("tensorboard", reason="the real tracker is asked")
    return request.param


def metrics_of(folder) -> dict:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {(name, line["step"]): value for line in lines for name, value in line.items() if name != "step"}


def pixels(file) -> np.ndarray:
    return np.asarray(PIL.Image.open(file).convert("RGB"))


def test_a_killed_and_resumed_run_is_one_run_in_which_each_step_stands_once_with_its_sheets(
    tracker, checkpoint, tokens_folder, tmp_path
):
    settings = {"checkpointing_steps": 2, "sample_every": 2, "sample_sheets": True, "log_with": tracker}
    extra = ["--validation_tokens", str(tokens_folder), "--validation_prompts", "an apple", "two birds"]
    main([*flags_of(checkpoint, tokens_folder, tmp_path, max_train_steps=4, **settings), *extra])
    before = metrics_of(tmp_path)
    shutil.rmtree(tmp_path / "checkpoint-000004")  # as if it had been killed before that was written
    main([*flags_of(checkpoint, tokens_folder, tmp_path, max_train_steps=5, **settings), *extra])
    expected = metrics_of(tmp_path)
    assert expected["learning_rate", 4] != before["learning_rate", 4]  # so that an old point would be seen
    numbers, pictures, arguments = READERS[tracker](tmp_path)
    assert numbers == {key: [pytest.approx(value, rel=1e-6)] for key, value in expected.items()}
    assert pictures.keys() == {(name, step) for name in (*TASKS, "prompts") for step in (2, 4, 5)}
    for (name, step), (file,) in pictures.items():
        assert np.array_equal(pixels(file), pixels(tmp_path / "samples" / f"step-{step:06d}-{name}.png"))
    assert (arguments["fine_tune"], arguments["seed"]) == ("full", 0)


def test_a_run_that_starts_anew_in_its_folder_has_nothing_of_the_one_before(
    tracker, checkpoint, tokens_folder, tmp_path
):
    flags = flags_of(checkpoint, tokens_folder, tmp_path, max_train_steps=2, log_with=tracker)
    main([*flags, "--checkpointing_steps", "2"])
    for path in tmp_path.glob("checkpoint-*"):
        shutil.rmtree(path)
    main(flags)
    numbers = READERS[tracker](tmp_path)[0]
    assert numbers == {key: [pytest.approx(value, rel=1e-6)] for key, value in metrics_of(tmp_path).items()}
