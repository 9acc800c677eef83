# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `nuwa-hf tokenize` and `nuwa-hf inspect` say of clips that differ from what codec and tokenizer have learnt."""

import json
import logging
import os
import resource
import shlex
from dataclasses import replace
from pathlib import Path

import datasets
import PIL.Image
import pytest
import torch
from clip_folders import break_clip, pictures, save_animation, write_clips, write_metadata
from safetensors import safe_open
from safetensors.torch import save_file
from tiny import tiny_tokenizer, tiny_vqgan
from tiny_clip import tiny_clip_tokenizer

from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.init.data_facts import look_at
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens import caption_tokens, inspect_dataset, train_tokenizer
from nuwa_hf.training.tokens.caption_tokens import CaptionLosses, caption_ids, caption_lengths, caption_losses
from nuwa_hf.training.tokens.codec_judgement import CodecJudgement
from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
    read_metadata,
    read_shard_infos,
    shard_path,
    write_shard,
)
from nuwa_hf.training.tokens.token_files import write_metadata as write_about
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.tokens.tokenize_dataset import main
from nuwa_hf.training.tokens.used_codes import in_either, used_codes
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


CAPTIONS = ("a red apple", None, "一只猫", "two birds 🐦", "a very " * 60 + "long rocket")


@pytest.fixture
def made_with(tmp_path, monkeypatch):
    """In a folder with five clips of all kinds of captions, a codec and a tokenizer."""
    monkeypatch.chdir(tmp_path)
    tiny_vqgan().save_pretrained("vqgan")
    tiny_tokenizer().save_pretrained("tokenizer")
    folder = write_clips(Path("clips"), 5, num_frames=6)
    write_metadata(folder, [{"file_name": f"clip{n}.gif", "text": text} for n, text in enumerate(CAPTIONS)])
    (folder / "notes.pdf").write_text("no clip")
    return ["--vqgan", "vqgan", "--tokenizer", "tokenizer"]


def tokenize(made_with, output, *others):
    main([*made_with, "--dataset", "clips", "--num_frames", "3", "--output_dir", output, *others])


@pytest.mark.parametrize(("psnr", "is_low"), [(21.9, True), (22.0, False), (float("nan"), True)])
def test_codec_is_good_enough_only_if_its_decibels_say_so(psnr, is_low):
    judgement = CodecJudgement(psnr, 1, 2, worst="a.gif", worst_psnr=psnr, sheet=PIL.Image.new("RGB", (1, 1)))
    assert judgement.is_low == is_low


def test_tokens_that_the_codec_does_not_have_are_refused_when_the_same_command_goes_on(made_with):
    tokenize(made_with, "out")
    tokens, infos = TokenFiles.load("out")[:], read_shard_infos(Path("out"))
    write_shard(Path("out"), 0, replace(tokens, video_tokens=tokens.video_tokens + 40_000), infos[0])
    with pytest.raises(ValueError, match=r"`output_dir` must hold tokens of the given codec, from 0 to 31, got"):
        tokenize(made_with, "out")


def test_the_report_names_what_is_lost_and_is_the_same_after_a_stop(made_with, caplog):
    command = (made_with, "out", "--clips_per_shard", "2", "--clips_per_video", "2")
    with caplog.at_level(logging.WARNING):
        tokenize(*command)
    text = Path("out/report.json").read_text()
    report, tokens = json.loads(text), TokenFiles.load("out")[:]
    assert report["num_clips"] == len(tokens) == 10
    captions = report["captions"]
    assert (captions["clips"], captions["without"], captions["cut"]) == (5, 1, 1)
    assert (captions["partly_unknown"], captions["all_unknown"]) == (1, 1)
    assert captions["named_without"] == ["clip1.gif"]
    assert captions["named_cut"] == ["clip4.gif"]
    assert captions["named_unknown"] == ["clip2.gif", "clip3.gif"]
    assert (captions["words"], captions["spelled_words"]) == (129, 65)
    assert captions["named_spelled"] == ["apple", "two", "birds"]
    assert report["codec"]["used_codes"] == len(tokens.video_tokens.unique())
    assert [one["file"] for one in report["left_out"]] == ["notes.pdf"]
    remedy = "nuwa-hf train-vqgan --dataset clips --vqgan vqgan"
    for words in (
        remedy,
        "clip4.gif",
        "clip3.gif",
        "notes.pdf",
        "2 of 5 captions have signs that the tokenizer does not know, of which 1 have no other signs: clip2.gif",
        "train-tokenizer --dataset clips --tokenizer tokenizer",
    ):
        assert any(words in message for message in caplog.messages), words
    assert "what they mean is slow to learn." in caplog.text
    assert "Make them whole" not in caplog.text  # the tokenizer was named
    assert PIL.Image.open("out/codec.png").width > 0
    none = [NuwaTokenizer.from_pretrained("tokenizer").none_token_id] + [0] * (tokens.caption_ids.shape[1] - 1)
    assert tokens.caption_ids[2:4].tolist() == [none, none]
    shard_path(Path("out"), 1).unlink()
    tokenize(*command)
    assert Path("out/report.json").read_text() == text


def test_tokens_are_read_again_for_the_report_only_where_shards_of_earlier_versions_do_not_say_their_codes(
    made_with, monkeypatch
):
    command, reads, read = (made_with, "out", "--clips_per_shard", "2"), [], os.preadv
    tokenize(*command)
    text = Path("out/report.json").read_text()
    monkeypatch.setattr(os, "preadv", lambda *given: reads.append(given) or read(*given))
    shard_path(Path("out"), 1).unlink()
    tokenize(*command)
    assert Path("out/report.json").read_text() == text
    assert not reads
    for index in (0, 2):
        path = shard_path(Path("out"), index)
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.offset_keys()}
            info = json.loads(file.metadata()["info"])
        assert int(info.pop("used_codes"), 16).bit_count() == len(tensors["video_tokens"].int().unique())
        save_file(tensors, path, {"info": json.dumps(info)})
    tokenize(*command)
    assert Path("out/report.json").read_text() == text
    assert reads


@pytest.mark.parametrize("highest", [0, 1, 7, 8, 1023, 65535])
def test_used_codes_are_the_bits_of_a_number(highest):
    tokens = torch.randint(0, highest + 1, (3, 2, 4, 5), dtype=torch.int32)
    tokens[-1, -1, -1, -1] = highest
    codes = used_codes(tokens)
    assert {code for code in range(highest + 1) if codes >> code & 1} == set(tokens.flatten().tolist())
    assert codes.bit_length() == highest + 1
    assert in_either(used_codes(tokens[:1]), used_codes(tokens[1:])) == codes
    assert used_codes(tokens[:0]) == 0
    assert used_codes(tokens + 65536 - highest) is None
    assert in_either(codes, None) is None


def test_changed_rows_are_noticed_and_a_folder_that_does_not_say_of_what_it_is_goes_on(made_with):
    tokenize(made_with, "out")
    about = read_metadata(Path("out"))
    for clips in ((0, 1, 2, 3), (0, 1, 2, 3, 4, 4), (0, 1, 2, 3, 4)):
        rows = [{"file_name": f"clip{clip}.gif", "text": f"another {row}"} for row, clip in enumerate(clips)]
        write_metadata(Path("clips"), rows)
        with pytest.raises(ValueError, match="captions that were added, removed or changed since"):
            tokenize(made_with, "out")
    write_about(Path("out"), {name: value for name, value in about.items() if name != "dataset_digest"})
    tokenize(made_with, "out")


def test_a_damaged_shard_is_named_and_a_full_disk_leaves_nothing(made_with):
    tokenize(made_with, "out")
    path = shard_path(Path("out"), 0)
    path.write_bytes(path.read_bytes()[:-7])
    for read in (lambda: TokenFiles.load("out"), lambda: tokenize(made_with, "out")):
        with pytest.raises(ValueError, match=r"tokens-00000\.safetensors', which cannot be read.*delete that file"):
            read()
    path.unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    left = {one.name for one in Path("out").iterdir()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, limits[1]))  # as a disk that is full: larger files fail
    try:
        with pytest.raises(OSError, match="Cannot write out/"):
            tokenize(made_with, "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {one.name for one in Path("out").iterdir()} <= left


def test_captions_are_counted_as_a_reader_would():
    tokenizer = tiny_tokenizer()
    found = caption_losses(tokenizer, [(str(place), caption) for place, caption in enumerate(CAPTIONS)])
    halves = [caption_losses(tokenizer, [(str(n), CAPTIONS[n]) for n in part]) for part in ((0, 1), (2, 3, 4))]
    assert halves[0] + halves[1] == found
    assert caption_losses(tokenizer, [("a", None)]).without == 1
    ids = caption_ids(tokenizer, CAPTIONS)
    assert ids.shape == (5, tokenizer.model_max_length)
    assert torch.equal(ids[0, :4].ne(tokenizer.pad_token_id), torch.ones(4, dtype=torch.bool))


def test_captions_are_read_a_few_at_a_time(monkeypatch):
    real, counts = tiny_tokenizer(), []
    clips = [(str(place), caption) for place, caption in enumerate(CAPTIONS)]
    captions = dict(enumerate(CAPTIONS))
    together = caption_losses(real, clips), caption_lengths(real, captions)

    class Counted(type(real)):
        def __call__(self, text, *arguments, **options):
            counts.append(1 if isinstance(text, str) else len(text))
            return super().__call__(text, *arguments, **options)

    tokenizer = Counted._of(real.backend_tokenizer)
    monkeypatch.setattr(caption_tokens, "CAPTIONS_AT_ONCE", 2)
    assert (caption_losses(tokenizer, clips), caption_lengths(tokenizer, captions)) == together
    assert max(counts) == 2
    assert caption_losses(tokenizer, []) == CaptionLosses()
    assert caption_lengths(tokenizer, {0: None}) == {}


def test_inspect_counts_clips_captions_and_samples_and_writes_nothing_but_the_sheet(made_with, capsys):
    break_clip(Path("clips"), 0)
    arguments = ["clips", *made_with, "--num_frames", "3", "--frame_rate", "2.5", "--stride", "0.8"]
    inspect_dataset.main([*arguments, "--json", "--output", "sheet.png"])
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["clips"], found["stills"]) == (5, 4, 0)
    assert found["unreadable"][0]["name"] == "clip0.gif"
    assert found["sizes"] == [{"width": 16, "height": 12, "clips": 4}]
    assert found["frame_rates"] == {"2.5": 4}
    assert found["samples"]["total"] == 8  # of 1.2 s each, in 2.4 s, every 0.8 s
    assert found["left_out"][0]["file"] == "notes.pdf"
    assert found["next"].startswith("nuwa-hf train-tokenizer --dataset clips")
    assert found["captions"]["lengths"]["longest"] == found["captions"]["longest"]
    with PIL.Image.open("sheet.png") as sheet:  # two rows of three frames for each clip, and a text above each row
        assert sheet.width == 3 * (128 + 4) + 4
        assert sheet.height > 4 * 2 * 128
    parsed = inspect_dataset.build_parser().parse_args([*arguments, "--caption_source", "none"])
    found = inspect_dataset.inspect_dataset(parsed)
    assert "  captions          0 of 5" in found.text()
    assert "Next:\n  nuwa-hf train-vqgan --dataset clips --vqgan vqgan" in found.text()
    words = shlex.split(replace(found, judgement=None).next_command())
    follows = parse_arguments(TokenizeArguments, words[2:])  # what was looked at is what is tokenised
    for name in ("vqgan", "tokenizer", "checkpoint", "num_frames", "frame_rate", "stride", "caption_source"):
        assert getattr(follows, name) == getattr(parsed, name), name
    words = shlex.split(replace(found, num_frames=100, frame_rate=1.0).next_command())  # all clips are too short
    too_short = replace(found, num_frames=100, frame_rate=1.0)
    assert {one["name"] for one in too_short.to_dict()["too_short"]} == {f"clip{n}.gif" for n in range(1, 5)}
    assert "4: clip1.gif lasts 2.4 s, a sample takes more than 99 s; " in too_short.text()
    closer = inspect_dataset.build_parser().parse_args(words[2:])
    assert all(replace(found, num_frames=100, frame_rate=closer.frame_rate).samples_of_clips)


@pytest.mark.parametrize("streaming", [[], ["--streaming"]])
def test_the_rows_of_a_folder_are_read_once_for_its_clips_and_the_files_that_are_none(
    made_with, streaming, monkeypatch
):
    """They were read once more for the files that are left out."""
    read_names, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read_names.append(path.name) or read_bytes(path))
    tokenize(made_with, "out", *streaming)
    assert read_names.count("metadata.jsonl") == 1
    assert [one["file"] for one in json.loads(Path("out/report.json").read_text())["left_out"]] == ["notes.pdf"]
    read_names.clear()
    inspect_dataset.main(["clips", *made_with, "--num_frames", "3", *streaming])
    assert read_names.count("metadata.jsonl") == 1


def test_sketches_that_no_codec_reads_and_what_is_cropped_are_said(made_with, caplog, capsys):
    main([*made_with, "--dataset", "clips", "--num_frames", "3", "--output_dir", "plain"])
    assert "are left out, so no task" not in caplog.text
    write_clips(Path("sketched"), 2, num_classes=3)
    main([*made_with, "--dataset", "sketched", "--num_frames", "3", "--output_dir", "out"])
    assert "The sketches of the column 'sketch' are left out" in caplog.text
    inspect_dataset.main(["sketched", *made_with, "--num_frames", "3"])
    shown = capsys.readouterr().out
    assert "in the column sketch; tokenize --sketch_vqgan reads them" in shown
    assert "to the square in the middle, 75% of the pixels" in shown  # of 12 x 16
    inspect_dataset.main(["sketched", *made_with, "--num_frames", "3", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["sketches"] is True
    assert report["middle_share"] == 0.75


def test_lists_of_captions_are_refused_by_who_looks_as_by_who_tokenises(made_with):
    write_metadata(Path("clips"), [{"file_name": f"clip{n}.gif", "caption": ["a cat", "a dog"]} for n in range(5)])
    looks = (
        lambda: inspect_dataset.main(["clips", *made_with, "--num_frames", "3"]),
        lambda: look_at("clips"),
        lambda: tokenize(made_with, "out"),
    )
    for look in looks:
        with pytest.raises(ValueError, match=r"`caption_column` must hold one caption .*; give each caption a row of"):
            look()


def test_inspect_looks_at_its_sheets_place_before_the_data_and_makes_folders_above_it(made_with):
    with pytest.raises(OSError, match="Cannot write clips: it is a directory; name a file in it"):
        inspect_dataset.main(["absent", *made_with, "--output", "clips"])
    with pytest.raises(OSError, match=r"Cannot write clips/notes\.pdf/sheet\.png"):
        inspect_dataset.main(["absent", *made_with, "--output", "clips/notes.pdf/sheet.png"])
    inspect_dataset.main(["clips", *made_with, "--num_frames", "3", "--output", "new/sheets/sheet.png"])
    assert Path("new/sheets/sheet.png").is_file()


def test_a_tokenizer_learns_from_a_data_set_and_rows_are_no_captions(made_with):
    learn = ["--vocab_size", "200", "--output_dir", "learnt"]
    train_tokenizer.main(["--dataset", "clips", *learn])
    tokenizer = NuwaTokenizer.from_pretrained("learnt")
    assert tokenizer.unk_token_id not in tokenizer("一只猫 🐦").input_ids
    Path("rows.txt").write_text('{"text": "a cat"}\n')
    Path("rows.tsv").write_text("text\tlength\na cat\t5\n")
    Path("latin.txt").write_bytes("ein Bär".encode("cp1252"))
    Path("wide.txt").write_bytes("a bear".encode("utf-16-le"))
    for name, message in (
        ("clips/metadata.jsonl", "use `--dataset clips/metadata.jsonl`, .* or write one caption a line"),
        ("rows.txt", "got 'rows.txt', which has rows with columns; write one caption a line"),
        ("rows.tsv", "got 'rows.tsv', which has rows with columns; write one caption a line"),
        ("latin.txt", r"in UTF-8, got 'latin\.txt', which has the byte 0xe4 in line 1; save it as UTF-8"),
        ("wide.txt", r"`captions` must have its texts in UTF-8, got 'wide\.txt', which looks like UTF-16"),
    ):
        with pytest.raises(ValueError, match=message):
            train_tokenizer.main(["--captions", name, *learn])


def test_all_clips_are_named_in_the_report_by_their_paths_and_the_first_three_in_the_log(made_with, caplog):
    rows = []
    for name in ("cats", "dogs", "eels", "fish", "gnus"):
        write_clips(Path("named") / name, 2, num_frames=6)
        (Path("named") / name / "metadata.jsonl").unlink()
        rows += [{"file_name": f"{name}/clip0.gif", "text": None}, {"file_name": f"{name}/clip1.gif", "text": "猫"}]
    write_metadata(Path("named"), [*rows, {"file_name": "gnus/clip0.gif", "text": "a gnu"}])
    break_clip(Path("named/fish"), 1)
    flags = ["--dataset", "named", "--num_frames", "3", "--max_skipped_share", "0.2", "--clips_per_shard", "3"]
    with caplog.at_level(logging.WARNING):
        main([*made_with, *flags, "--output_dir", "out"])
    captions = json.loads(Path("out/report.json").read_text())["captions"]
    folders = ("cats", "dogs", "eels", "fish", "gnus")
    assert captions["named_without"] == [f"{name}/clip0.gif" for name in folders]
    assert captions["named_unknown"] == [f"{name}/clip1.gif" for name in folders if name != "fish"]
    assert json.loads(Path("out/skipped.jsonl").read_text())["name"] == "fish/clip1.gif"
    (sentence,) = [message for message in caplog.messages if "have no caption" in message]
    assert "(cats/clip0.gif, dogs/clip0.gif, eels/clip0.gif, ...)" in sentence


def test_where_no_clip_has_a_caption_none_is_named(made_with):
    tokenize(made_with, "out", "--caption_source", "none")
    captions = json.loads(Path("out/report.json").read_text())["captions"]
    assert (captions["without"], captions["named_without"]) == (5, [])


def test_inspect_tells_rows_apart_whatever_their_clips_are_called(made_with):
    write_clips(Path("short/a"), 1, num_frames=6)
    save_animation(pictures(6, 1, size=(16, 20)), Path("short/a/clip1.gif"))
    captions = ["a red apple", "a red apple and two birds"]
    rows = [{"path": f"short/a/clip{n}.gif", "bytes": None} for n in range(2)]
    features = datasets.Features({"video": datasets.Video(decode=False), "text": datasets.Value("string")})
    found = datasets.Dataset.from_dict({"video": [rows[0], rows[1], rows[0]], "text": [*captions, "a"]}, features)
    found.save_to_disk("saved")
    parsed = inspect_dataset.build_parser().parse_args(["saved", *made_with, "--num_frames", "3"])
    lengths = inspect_dataset.inspect_dataset(parsed).caption_lengths
    tokenizer = NuwaTokenizer.from_pretrained("tokenizer")
    assert list(lengths.values()) == [len(tokenizer(text).input_ids) for text in (*captions, "a")]


def test_the_next_commands_name_the_column_that_was_named(made_with, caplog):
    column = ["--media_column", "media"]
    flags = ["--num_frames", "3", "--caption_source", "none", *column]
    parsed = inspect_dataset.build_parser().parse_args(["clips", *made_with, *flags])
    following = inspect_dataset.inspect_dataset(parsed).next_command()
    assert following.startswith("nuwa-hf train-vqgan --dataset clips --media_column media --vqgan vqgan")
    assert parse_arguments(VQGANArguments, shlex.split(following)[2:]).media_column == "media"
    with caplog.at_level(logging.WARNING):
        tokenize(made_with, "out", *column)
    assert "nuwa-hf train-vqgan --dataset clips --media_column media --vqgan vqgan" in caplog.text


def test_the_next_commands_stream_what_is_streamed_and_train_a_codec_on_a_part_of_it(made_with, caplog):
    parsed = inspect_dataset.build_parser().parse_args(["clips", *made_with, "--num_frames", "3", "--streaming"])
    found = inspect_dataset.inspect_dataset(parsed)
    words = shlex.split(found.next_command())
    assert words[:2] == ["nuwa-hf", "train-tokenizer"]
    assert train_tokenizer.build_parser().parse_args(words[2:]).streaming
    too_short = shlex.split(replace(found, num_frames=100, frame_rate=1.0).next_command())
    assert inspect_dataset.build_parser().parse_args(too_short[2:]).streaming
    found = replace(found, captions=CaptionLosses())
    codec = "nuwa-hf train-vqgan --dataset PART --vqgan vqgan"
    assert found.next_command().startswith(codec)
    assert "train it on PART, some of these files" in found.text()
    words = shlex.split(replace(found, judgement=None).next_command())
    assert parse_arguments(TokenizeArguments, words[2:]).streaming
    with caplog.at_level(logging.WARNING):
        tokenize(made_with, "out", "--streaming")
    assert f"Train the codec on PART, some of their files, first with `{codec}" in caplog.text
    assert "nuwa-hf train-tokenizer --dataset clips --streaming --tokenizer tokenizer" in caplog.text


@pytest.mark.parametrize(
    "captions",
    [
        ("zebra", "quokka", "wombat", "platypus", "yak"),
        ["".join(chr(0x4E00 + 40 * row + place) for place in range(40)) for row in range(5)],
    ],
    ids=["once each", "200 Chinese signs"],
)
def test_words_are_added_to_a_tokenizer_once(made_with, captions):
    """Words that come once stay spelled, and a Chinese clause is no word: the same command was advised for ever."""
    rows = [{"file_name": f"clip{number}.gif", "text": text} for number, text in enumerate(captions)]
    write_metadata(Path("clips"), rows)

    def look(*tokenizer):
        flags = ["clips", "--vqgan", "vqgan", "--num_frames", "3", *tokenizer]
        found = inspect_dataset.inspect_dataset(inspect_dataset.build_parser().parse_args(flags))
        return replace(found, judgement=None)

    words = shlex.split(look().next_command())
    assert words[:2] == ["nuwa-hf", "train-tokenizer"]
    train_tokenizer.main(words[2:])
    found = look("--tokenizer", "runs/tokenizer")
    assert found.captions.partly_unknown + found.captions.all_unknown == 0
    assert found.captions.is_spelled == captions[0].isascii()
    assert found.next_command().startswith("nuwa-hf tokenize --dataset clips")
    assert "train-tokenizer" not in found.text()
    for makes_whole in (True, False):
        said = " ".join(found.captions.sentences(77, "nuwa-hf train-tokenizer", makes_whole=makes_whole))
        assert ("train-tokenizer" in said) == (makes_whole and found.captions.is_spelled)


def test_nobody_is_told_to_add_words_to_the_tokenizer_of_clip(made_with, caplog):
    tiny_clip_tokenizer().save_pretrained("clip")
    parts = ["--vqgan", "vqgan", "--tokenizer", "clip"]
    found = inspect_dataset.inspect_dataset(
        inspect_dataset.build_parser().parse_args(["clips", *parts, "--num_frames", "3"])
    )
    assert found.captions.is_spelled
    assert replace(found, judgement=None).next_command().startswith("nuwa-hf tokenize")
    with caplog.at_level(logging.WARNING):
        tokenize(parts, "out")
    assert "what they mean is slow to learn." in caplog.text
    for said in (found.text(), caplog.text):
        assert "train-tokenizer" not in said
