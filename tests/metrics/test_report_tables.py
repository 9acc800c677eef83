# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from nuwa_hf.metrics.report_tables import format_report, report_markdown


def score(value, samples, low=None, high=None):
    return {"value": value, "samples": samples, "low": low, "high": high, "interval": None}


REPORT = {
    "features": {
        "inception": {"title": "Inception v3", "digest": "1"},
        "classifier": {"title": "ViT", "digest": "2"},
    },
    "columns": {
        "fid": {
            "title": "FID",
            "kind": "inception",
            "better": "lower",
            "compares": True,
            "digits": 2,
            "least_samples": 10_000,
        },
        "accuracy": {
            "title": "Accuracy",
            "kind": "classifier",
            "better": "higher",
            "compares": False,
            "digits": 3,
            "least_samples": 30,
        },
        "seconds": {
            "title": "seconds a sample",
            "kind": "seconds",
            "better": "lower",
            "compares": False,
            "digits": 2,
            "least_samples": 1,
        },
    },
    "runs": [
        {
            "name": "text to video",
            "split": "test",
            "metrics": ["fid", "accuracy"],
            "rows": {
                "real": {"fid": score(3, 2000), "accuracy": score(0.9, 4000)},
                "codec": {"fid": score(8, 4000)},
                "generated": {
                    "fid": score(20.126, 4000),
                    "accuracy": score(0.5, 4000, 0.48, 0.52),
                    "seconds": score(1.5, 4000),
                },
            },
            "warnings": ["The protocol asks for 10,000 samples, these are 4,000."],
            "published": [
                {"name": "A", "source": "paper A", "note": None, "scores": {"fid": 12.0}, "spread": {"fid": 2}},
                {"name": "B", "source": "paper B", "note": "two frames", "scores": {"seconds": 50}, "spread": {}},
            ],
        }
    ],
}


def rows_of(markdown):
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    return {name: cells for name, *cells in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)}


def test_each_figure_has_its_interval_its_number_of_samples_and_a_mark_where_these_are_too_few():
    rows = rows_of(report_markdown(REPORT))
    assert rows[""] == ["samples", "FID ↓", "Accuracy ↑", "seconds a sample ↓"]
    assert rows["real"] == ["4,000", "3.00 n=2,000 !", "0.900", "-"]
    assert rows["through the codec"] == ["4,000", "8.00 !", "-", "-"]
    assert rows["generated"] == ["4,000", "20.13 !", "0.500 [0.480, 0.520]", "1.50"]


def test_published_rows_are_called_so_and_name_their_source():
    text = report_markdown(REPORT)
    rows = rows_of(text)
    assert rows["published: A"] == ["-", "12.00 ± 2", "-", "-"]
    assert rows["published: B"] == ["-", "-", "-", "50.00"]
    assert "copied from papers, not measured here" in text
    assert "A: paper A." in text
    assert "B (two frames): paper B." in text


def test_table_says_what_to_know_before_its_figures_are_compared():
    for text in (format_report(REPORT), report_markdown(REPORT)):
        assert "text to video (test)" in text
        assert "Read by Inception v3: FID; by ViT: Accuracy." in text
        assert "real: FID between two halves of the real samples" in text
        assert "too few samples: FID of 2,000, where 10,000 are needed" in text
        assert "Accuracy of" not in text
        assert "The protocol asks for 10,000 samples, these are 4,000." in text


def test_columns_of_the_terminals_table_stand_below_each_other():
    _, *lines = format_report(REPORT).splitlines()[:7]
    assert len({len(line) for line in lines[:6]}) == 1
