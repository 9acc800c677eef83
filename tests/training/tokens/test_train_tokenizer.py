# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tokenizer's training command, on drawn data and on a file."""

import logging
import random
import resource
import shlex

import pytest
from clip_folders import pictures
from tiny import tiny_tokenizer

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.modeling.tokenization_nuwa import SMALLEST_VOCABULARY, NuwaTokenizer
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.tokens.train_tokenizer import emoji_motion_captions, file_captions, main


LINES = ["a red apple rolls to the left", "", "  A dog runs on the grass  ", "a dog and a red apple"]


@pytest.fixture
def captions_file(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def test_emoji_motion_captions_need_no_unknown_token_and_fit_the_text_length(tmp_path):
    main(["--num_captions", "40", "--vocab_size", "160", "--output_dir", str(tmp_path)])
    tokenizer = NuwaTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer) <= 160
    captions = list(emoji_motion_captions("small", 20, seed=1))
    assert len(captions) == 40
    for ids in tokenizer(captions).input_ids:
        assert tokenizer.unk_token_id not in ids
        assert len(ids) <= tokenizer.model_max_length


def test_two_runs_write_the_same_bytes_and_the_seed_is_used(tmp_path):
    for name in ("one", "two"):
        main(["--num_captions", "20", "--vocab_size", "120", "--seed", "3", "--output_dir", str(tmp_path / name)])
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "tokenizer.json" in written
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert list(emoji_motion_captions("small", 8, seed=3)) != list(emoji_motion_captions("small", 8, seed=4))


def test_captions_from_a_file_are_read_line_by_line(captions_file, tmp_path):
    main(["--captions", str(captions_file), "--vocab_size", "100", "--output_dir", str(tmp_path / "out")])
    expected = NuwaTokenizer.train([line.strip() for line in LINES if line], vocab_size=100)
    assert NuwaTokenizer.from_pretrained(tmp_path / "out").get_vocab() == expected.get_vocab()


def test_only_ends_of_lines_part_captions(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_bytes("\ufeffa cat\u2028and a dog\r\n\r\na bird\x85in a tree\rthe end".encode())
    assert list(file_captions(path)) == ["a cat\u2028and a dog", "a bird\x85in a tree", "the end"]


def test_a_tokenizer_is_added_to(captions_file, tmp_path):
    main(["--captions", str(captions_file), "--tokenizer", "embedded", "--output_dir", str(tmp_path / "out")])
    start = NuwaTokenizer.from_pretrained(DEMO_CHECKPOINT / "tokenizer")
    assert NuwaTokenizer.from_pretrained(tmp_path / "out").get_vocab() == start.extend(LINES).get_vocab()


def test_all_words_that_come_twice_are_added_whole(tmp_path):
    """The vocabulary stopped at 512, of which the embedded tokenizer has 338."""
    draw, command = random.Random(0), ["--captions", str(tmp_path / "captions.txt"), "--tokenizer", "embedded"]
    words = ["".join(draw.choices("bdfgklmnprst", k=6)) for _ in range(400)]
    (tmp_path / "captions.txt").write_text("\n".join(2 * words))
    main([*command, "--output_dir", str(tmp_path / "out")])
    tokenizer = NuwaTokenizer.from_pretrained(tmp_path / "out")
    assert {len(ids) for ids in tokenizer(words, add_special_tokens=False).input_ids} == {1}
    main([*command, "--vocab_size", "512", "--output_dir", str(tmp_path / "small")])
    assert len(NuwaTokenizer.from_pretrained(tmp_path / "small")) == 512


def test_a_vocabulary_that_cannot_hold_what_is_there_is_refused_before_any_caption_is_read(tmp_path):
    start = tiny_tokenizer()
    start.save_pretrained(tmp_path / "start")
    captions = ["--captions", str(tmp_path / "not-there.txt"), "--output_dir", str(tmp_path / "out")]
    further = [*captions, "--tokenizer", str(tmp_path / "start")]
    for command, least in ((captions, SMALLEST_VOCABULARY), (further, start.vocab_size)):
        with pytest.raises(ValueError, match=rf"^`vocab_size` must be at least {least} .*, got {least - 1}; "):
            main([*command, "--vocab_size", str(least - 1)])


def test_a_full_disk_is_an_error_of_one_line_and_leaves_the_last_tokenizer(captions_file, tmp_path):
    command = ["--captions", str(captions_file), "--output_dir", str(tmp_path / "out")]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for there in ([], ["out"]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, limits[1]))  # as a disk that is full: larger files fail
        try:
            with pytest.raises(OSError, match=r"out could not be written: .*; free some space"):
                main([*command, "--vocab_size", "90"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.txt", *there]
        main(command)
    assert len(NuwaTokenizer.from_pretrained(tmp_path / "out")) > 90


def test_the_next_command_goes_on_from_the_same_start_with_the_same_data(captions_file, tmp_path, caplog):
    stills, out = tmp_path / "my stills", ["--output_dir", str(tmp_path / "out")]
    stills.mkdir()
    for number, picture in enumerate(pictures(2, 0)):
        picture.save(stills / f"{number}.png")
        (stills / f"{number}.txt").write_text("a picture")

    def following(*words):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            main([*words, *out])
        (message,) = [message for message in caplog.messages if message.startswith("Next:")]
        command = shlex.split(message.removeprefix("Next:"))
        assert command[:2] == ["nuwa-hf", "tokenize"]
        return parse_arguments(TokenizeArguments, command[2:])

    found = following("--captions", str(captions_file), "--tokenizer", "embedded")
    assert (found.checkpoint, found.vqgan, found.tokenizer) == ("embedded", "VQGAN", out[1])
    assert found.dataset == "CLIPS"
    found = following("--num_captions", "8", "--setting", "small", "--seed", "3")
    assert (found.checkpoint, found.dataset, found.setting, found.seed) == (None, None, "small", 3)
    found = following("--dataset", str(stills), "--streaming")
    assert (found.dataset, found.streaming, found.num_frames) == (str(stills), True, 1)


def test_missing_and_empty_files_are_refused(tmp_path):
    out = ["--output_dir", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="one caption a line"):
        main(["--captions", str(tmp_path / "absent.txt"), *out])
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n", encoding="utf-8")
    with pytest.raises(ValueError, match="at least one caption"):
        main(["--captions", str(empty), *out])
    with pytest.raises(ValueError, match="`num_captions`"):
        main(["--num_captions", "0", *out])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "option"),
    [
        ([], ["--media_column", "video"]),
        (["--captions", "captions.txt"], ["--seed", "3"]),
        (["--captions", "captions.txt"], ["--dataset_split", "val"]),
        (["--dataset", "clips"], ["--setting", "large"]),
        (["--dataset", "moving-mnist"], ["--caption_source", "folder"]),
        (["--dataset", "clips"], ["--captions", "captions.txt"]),
    ],
)
def test_options_that_the_captions_do_not_have_are_refused(source, option, tmp_path):
    with pytest.raises(ValueError, match=f"`{option[0][2:]}` must be left out with"):
        main([*source, *option, "--output_dir", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
