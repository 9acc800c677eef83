# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest
from huggingface_hub import ModelCard

from nuwa_hf.cards.score_card import MARKERS, build_card, fill_markers, main
from nuwa_hf.evaluation.protocols.protocol import load_protocol
from nuwa_hf.metrics.score_tables import SHORT_COLUMNS, SHORT_ROWS, TASK_NOTES, scores_markdown, short_markdown
from nuwa_hf.tasks import TASKS


COLUMNS = {
    name: {
        "title": name.title(),
        "kind": "judges",
        "better": "higher",
        "compares": False,
        "digits": digits,
        "least_samples": 2,
    }
    for name, digits in {**dict.fromkeys(SHORT_COLUMNS, 3), "seam": 4, "psnr": 1}.items()
}


def score(value, is_measured=True):
    return {
        "value": value,
        "samples": 7,
        "low": value / 2 if is_measured else None,
        "high": 1.0 if is_measured else None,
    }


def run(name, task, rows, split="val"):
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    return {
        "name": name,
        "task": task,
        "split": split,
        "metrics": metrics,
        "rows": rows,
        "warnings": [],
        "published": [],
    }


@pytest.fixture
def scores(tmp_path):
    rows = {
        "real": {"object": score(0.987)},
        "codec": {"object": score(0.954)},
        "generated": {"object": score(0.612), "whole": score(0.532)},
        "chance": {"object": score(0.042, is_measured=False)},
    }
    runs = [
        run("text to video", "T2V", rows),
        run("the codec", "T2V", {"codec": {"psnr": score(27.04, is_measured=False)}}),
        run(
            "image completion, upper half hidden",
            "I2I",
            {"the paper's way": {"seam": score(0.0456, is_measured=False)}},
        ),
    ]
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"setting": "small", "seeds": [3], "features": {}, "columns": COLUMNS, "runs": runs}))
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
    assert "seeds from 3 upwards" in card.text
    for text in (card.text, page.read_text()):
        assert text.index("**T2V, text to video**") < text.index("**text to video (val)**") < text.index("**the codec")
        assert TASK_NOTES["I2I"] in text
        for shown in ("0.987 [0.493, 1.000]", "0.954", "0.612", "0.042 |", "0.532", "27.0", "0.0456"):
            assert shown in text
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
    assert "old" not in page.read_text()
    short = short_page.read_text()
    assert "| text to video | 0.612 (0.31-1.00) | - | - | 0.532 (0.27-1.00) |" in short
    assert "| chance | 0.042 | - | - | - |" in short
    assert "| video prediction" not in short  # the report has no such run
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


def test_scores_of_other_data_make_no_card_of_emoji_motion(checkpoint):
    with pytest.raises(ValueError, match=r"`scores` must be of a setting of EmojiMotion, large or .*, got None"):
        build_card(checkpoint, {"setting": None}, "1", "x")


def test_short_table_needs_the_run_that_its_bounds_come_from():
    with pytest.raises(ValueError, match="`scores` must have the run 'text to video'"):
        short_markdown({"runs": []})


def test_every_task_has_its_note_and_the_ways_are_told_apart_where_there_are_two(scores):
    assert set(TASK_NOTES) == {task.abbreviation for task in TASKS}
    report = json.loads(scores.read_text())
    assert "paper's way*" not in scores_markdown(report)
    report["runs"][-1]["rows"]["known part as condition"] = {"seam": score(0.03)}
    assert "paper's way*" in scores_markdown(report)


def test_rows_of_the_short_table_are_rows_of_the_protocol():
    runs = {run.name: run for run in load_protocol("emoji-motion").runs}
    for name, row in SHORT_ROWS.values():
        assert row in {"codec", "chance", *runs[name].rows}
    assert {run.task for run in runs.values()} == set(TASK_NOTES)
