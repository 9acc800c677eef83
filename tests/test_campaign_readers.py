# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the attacks on command lines and media can see."""

import PIL.Image
import pytest
from campaign import media_readers
from campaign.bad_media import should_read
from campaign.wrong_commands import Commands


@pytest.fixture(scope="module")
def commands():
    return Commands()


def test_whatever_commands_need_is_given_them(commands):
    for name in commands.parsers:
        assert commands._needed(name, ["--none"]) is not None


def test_a_wrong_number_is_the_only_wrong_word_of_its_command_line(commands):
    row = commands.give("compare", "--num_frames", ["--num_frames=-1"])
    assert (row["verdict"], "num_frames" in row["error"]) == ("held", True), row


def test_a_wrong_number_that_is_taken_is_seen(commands):
    """A right number, told to be wrong: the command does its work."""
    row = commands.give("compare", "--batch_size", ["--batch_size=2"])
    assert row["verdict"].startswith("status 0")


def test_a_clip_without_samples_and_a_tab_that_differs_are_seen(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    PIL.Image.new("RGB", (16, 12)).save(path)
    assert media_readers.look_at(path)["faults"] == []
    monkeypatch.setattr(media_readers, "app", lambda: "there")
    monkeypatch.setattr(media_readers, "_upload", lambda *_: (_ for _ in ()).throw(ValueError("`x` must be y")))
    assert "app, video: not what the pipeline says" in media_readers.look_at(path)["faults"]


def test_whole_files_are_read_by_all_that_take_their_kind():
    assert should_read("rgb.png", "video")
    assert should_read("h264.mp4", "tokenize")
    assert should_read("kept.gif", "image")
    assert not should_read("h264.mp4", "image")
    assert not should_read("rgb.png", "tokenize")
    assert not should_read("rgb.png", "sketch")
