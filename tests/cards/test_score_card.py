# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest
from huggingface_hub import ModelCard

from nuwa_hf.cards.score_card import MARKERS, fill_markers, main, scores_table
from nuwa_hf.metrics.score_tables import short_markdown


@pytest.fixture
def scores(tmp_path):
    def row(accuracy):
        return {"object": {"accuracy": accuracy, "low": accuracy / 2, "high": 1.0}, "judge_fid_clips": 12.25}

    rows = {
        "real": row(0.987),
        "codec": {**row(0.954), "psnr": 27.04, "psnr_objects": 20.06},
        "generated": row(0.612),
        "chance": {"object": {"accuracy": 0.042}},
    }
    tasks = {
        "I2I": {
            "five_percent_kept": {
                "real": {"seam": 0.0123},
                "the paper's way": {"nats": 1.5, "object": row(0.513)["object"], "seam": 0.0456},
            }
        },
        "V2V": {"1 frame given": {"codec": {"psnr": 25.55}}},
    }
    path = tmp_path / "scores.json"
    report = {
        "setting": "small",
        "num_clips": 7,
        "seed": 3,
        "splits": {"val": rows},
        "task_images": 5,
        "task_videos": 4,
        "tasks": tasks,
    }
    path.write_text(json.dumps(report))
    return path


def test_card_and_page_hold_every_score_beside_its_bounds(scores, checkpoint, tmp_path):
    folder = tmp_path / "checkpoint"
    for file in ("model_index.json", "transformer/config.json", "vqgan/config.json"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((checkpoint / file).read_bytes())
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKERS[0]}\nold\n{MARKERS[1]}\nafter\n")
    short_page = tmp_path / "short.md"
    short_page.write_text(page.read_text())
    flags = ["--checkpoint", str(folder), "--scores", str(scores), "--hours", "2", "--hardware", "2 cores"]
    main([*flags, "--page", str(page), "--short_page", str(short_page)])
    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "text-to-video"
    for text in (card.text, page.read_text()):
        assert "| I2I, image completion: five percent kept | seam | nats a token | object |" in text
        for score in (
            "0.0123",
            "1.500",
            "0.513 (0.26-1.00)",
            "0.0456",
            "| through the codec | 25.6 |",
            "5 samples for each task",
        ):
            assert score in text
        for score in ("0.987 (0.49-1.00)", "0.954", "0.612", "0.042", "27.0 dB", "20.1 dB", "12.2"):
            assert score in text
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
    assert "old" not in page.read_text()
    short = short_page.read_text()
    assert "| text to video | 0.612 (0.31-1.00) | - | - |" in short
    assert "| video prediction" not in short  # the report has no such row
    once = page.read_text()
    main([*flags, "--page", str(page)])
    assert page.read_text() == once


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="`page` must hold the markers"):
        fill_markers("nothing here", "scores")


def test_a_missing_checkpoint_is_refused_and_nothing_is_written(scores, tmp_path):
    with pytest.raises(ValueError, match="`checkpoint` must lead to a file"):
        main(["--checkpoint", str(tmp_path / "no"), "--scores", str(scores), "--hours", "1", "--hardware", "x"])
    assert not (tmp_path / "no").exists()


def test_short_table_needs_the_split_it_shows():
    with pytest.raises(ValueError, match="`scores` must hold the split 'val'"):
        short_markdown({"splits": {"zeroshot": {}}})


def test_report_of_text_to_video_alone_has_no_word_of_the_other_tasks():
    rows = {"real": {"object": {"accuracy": 0.5}}, "codec": {"psnr": 20.0, "psnr_objects": 10.0}}
    assert "samples for each task" not in scores_table({"splits": {"val": rows}})
