# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What README and docs say is so: the commands, the code, the table of tasks, the links."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

import nuwa_hf
from nuwa_hf import cli
from nuwa_hf.tasks import TASKS


ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
}
TWO_COMMANDS = (
    'pip install -c constraints.txt -e . && nuwa-hf text-to-video "a red apple rolls to the left on the grass"',
    'pip install -c constraints.txt -e ".[test]" && pytest',
)


def code_blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def commands(page):
    """Every `nuwa-hf` command of a page's shell blocks and inline code, as lists of words."""
    text = "\n".join([*code_blocks(page, "bash"), *re.findall(r"`([^`\n]+)`", re.sub(r"(?s)^```.*?^```", "", page))])
    text = text.replace("\\\n", " ")
    for line in re.split(r"\n|&&", text):
        words = shlex.split(line, comments=True) if "nuwa-hf" in line else []
        if words[:1] == ["nuwa-hf"] and len(words) > 1:
            yield words[1:]


def test_the_two_commands_stand_in_the_readme():
    lines = "\n".join(code_blocks(README, "bash")).splitlines()
    assert set(TWO_COMMANDS) <= set(lines)


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_compile(page):
    for block in code_blocks(PAGES[page], "python"):
        compile(block, page, "exec")


def test_quick_start_runs_with_a_tiny_checkpoint(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(nuwa_hf, "DEMO_CHECKPOINT", checkpoint)
    monkeypatch.chdir(tmp_path)
    (quick_start,) = code_blocks(README, "python")
    exec(compile(quick_start, "README.md", "exec"), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "completed.png",
        "my-nuwa",
        *(f"video-{n}.gif" for n in range(4)),
    ]


@pytest.mark.parametrize("page", ["docs/from-diffusers.md", "docs/from-transformers.md"])
def test_blocks_of_a_first_page_run_in_order_with_a_tiny_checkpoint(page, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(nuwa_hf, "DEMO_CHECKPOINT", checkpoint)
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in code_blocks(PAGES[page], "python"):
        exec(compile(block, page, "exec"), names)
    assert names["output"].tokens.shape[0] == 1


def test_python_blocks_import_only_what_exists():
    for module, names in re.findall(r"^from (nuwa_hf\S*) import (.+)$", README, flags=re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(import_module(module), name), f"{module} has no {name}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page):
    of_tasks = {task.command for task in TASKS}
    for words in commands(PAGES[page]):
        if words[0] in of_tasks and len(words) > 1 and "--help" not in words:
            cli.build_parser().parse_args(words)
        elif not words[0].startswith("-"):
            assert words[0] in {*of_tasks, *cli.DELEGATED}, f"there is no command nuwa-hf {words[0]}"


def test_commands_of_the_makefile_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"nuwa-hf ([\w-]+)", makefile)) <= set(cli.DELEGATED)


def test_table_of_tasks_is_the_real_table():
    rows = re.findall(r"^\| ([\w-]+) \| (\w+2\w) \|((?: .+? \|)+)$", README, flags=re.MULTILINE)
    expected = [
        (t.name, t.abbreviation, f" {t.condition} | {t.known} | {t.output} | `{t.pipeline}` | `{t.command}` |")
        for t in TASKS
    ]
    assert rows == expected


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page} links to {target}"


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_deviations_named_in_the_source_are_described():
    known = anchors(ROOT / "docs" / "deviations.md")
    for path in sorted((ROOT / "src" / "nuwa_hf").rglob("*.py")):
        for anchor in re.findall(r"deviations\.md#([\w-]+)", path.read_text(encoding="utf-8")):
            assert anchor in known, f"{path.name} names docs/deviations.md#{anchor}"


def test_functions_named_in_the_architecture_exist():
    names = re.findall(r"`(nuwa_hf(?:\.\w+)+)`", PAGES["docs/architecture.md"])
    assert names
    for name in names:
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            try:
                found = import_module(".".join(parts[:count]))
            except ModuleNotFoundError:
                continue
            for part in parts[count:]:
                found = getattr(found, part)
            break


def test_constraints_pin_every_requirement():
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    for requirement in re.findall(r'"([\w-]+)>=[\d.]+"', setup):
        if requirement != "tensorboard":  # of the extra `dev`, which is not pinned
            assert requirement.lower() in {name.lower() for name in pinned}
