# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import errno
import fcntl
import os

import pytest
from safetensors import SafetensorError

from nuwa_hf.storage import whole_folders
from nuwa_hf.storage.whole_folders import recover, remove, save_aside, writing


def test_folder_saved_aside_replaces_the_old_one_only_when_whole(tmp_path):
    final = tmp_path / "model"

    def write(folder, text):
        folder.mkdir()
        (folder / "weights").write_text(text)

    save_aside(final, lambda folder: write(folder, "old"))

    def fail(folder):
        write(folder, "half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        save_aside(final, fail)
    assert (final / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    save_aside(final, lambda folder: write(folder, "new"))
    assert (final / "weights").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_is_flushed_where_only_what_may_be_written_to_can_be(tmp_path, monkeypatch):
    """On Windows `os.fsync` refuses a file that was opened to be read; nothing was ever saved there."""

    def fsync(number):
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flushed.append(number)

    def write(folder):
        (folder / "part").mkdir(parents=True)
        (folder / "part" / "weights").write_text("whole")

    flushed = []
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(whole_folders, "IS_POSIX", False)
    save_aside(tmp_path / "model", write)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert len(flushed) == 1


def test_a_folder_whose_successor_never_came_is_recovered_and_scraps_go(tmp_path):
    for name in (".model.replaced", ".model.incomplete", ".other.replaced", "other", ".checkpoint-000001.removed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
    (tmp_path / ".metrics.jsonl.incomplete").write_text("{")
    recover(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "other"]
    assert (tmp_path / "model" / "weights").read_text() == ".model.replaced"
    assert (tmp_path / "other" / "weights").read_text() == "other"


def test_a_folder_loses_its_name_before_its_files(tmp_path, monkeypatch):
    (tmp_path / "checkpoint-000001").mkdir()
    (tmp_path / "checkpoint-000001" / "weights").write_text("whole")
    seen = []
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path, **where: (seen.extend(tmp_path.iterdir()), unlink(path, **where)))
    remove(tmp_path / "checkpoint-000001")
    assert [path.name for path in seen] == [".checkpoint-000001.removed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SafetensorError("I/O error: No space left")]
)
def test_a_full_disk_is_an_error_that_names_what_was_written(tmp_path, error):
    with pytest.raises(OSError, match=r"No space.*metrics|metrics.*No space"), writing(tmp_path / "metrics"):
        raise error
