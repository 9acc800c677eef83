# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The table of docs/tokenize-at-scale.md is what its formula gives, and its commands are taken."""

import re
import shlex
from pathlib import Path

from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


PAGE = (Path(__file__).parents[2] / "docs" / "tokenize-at-scale.md").read_text(encoding="utf-8")
CLIPS, MACHINES = 10_000_000, 20


def test_hours_and_costs_follow_from_the_rates_of_the_table():
    table = PAGE.split("<!-- scale:start -->")[1].split("<!-- scale:end -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()[2:]]
    assert {row[2] for row in rows} == {"measured", "assumption"}
    for _, _, _, rate, workers, hours, price, cost in rows:
        expected = CLIPS / (float(rate) * int(workers.replace(",", ""))) / 3600
        assert hours == f"{expected:.2g}"
        assert cost == f"{float(f'{expected * MACHINES * float(price):.2g}'):,.0f}"


def test_its_commands_are_taken():
    blocks = "\n".join(re.findall(r"^```bash\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL))
    lines = blocks.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line)[2:] for line in lines if line.startswith("nuwa-hf tokenize")]
    assert [parse_arguments(TokenizeArguments, words).engine for words in commands] == ["local", "ray", "ray"]
