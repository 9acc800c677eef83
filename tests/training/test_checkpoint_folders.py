# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.training.checkpoint_folders import newest_checkpoint, save_aside


def test_step_is_compared_as_a_number(tmp_path):
    for name in ("checkpoint-999999", "checkpoint-1000000"):
        (tmp_path / name).mkdir()
    assert newest_checkpoint(tmp_path).name == "checkpoint-1000000"


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
    save_aside(final, lambda folder: write(folder, "new"))
    assert (final / "weights").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
