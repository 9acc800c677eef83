# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A Space on the Hub: its files, and what is refused before it is made. tests/browser runs one."""

import re
from pathlib import Path

import pytest
from huggingface_hub import ModelInfo, RepoCard
from installations import add_installation
from local_hub import LocalHub
from packaging.specifiers import SpecifierSet

from nuwa_hf import __version__
from nuwa_hf.cli import main
from nuwa_hf.hub.push_space import _check_pipeline_there
from nuwa_hf.hub.space_files import SDK_VERSION, space_contents


@pytest.fixture(scope="module")
def space_files(pushed, hub):
    """Path to text."""
    repository = hub.repositories["spaces/tester/demo"]
    assert not repository.private
    assert len(repository.commits) == 2  # the Hub's own first one, and ours
    return {path: data.decode() for path, (data, _) in repository.commit("main").files.items()}


def test_space_holds_its_card_what_pip_installs_and_the_program(space_files):
    assert set(space_files) == {".gitattributes", "README.md", "requirements.txt", "app.py"}
    assert space_files["requirements.txt"] == f"nuwa_hf[app]=={__version__}\n"
    compile(space_files["app.py"], "app.py", "exec")
    assert 'build_app("tester/pipeline")' in space_files["app.py"]


def test_card_of_a_space_tells_the_hub_what_to_run(space_files):
    card = RepoCard(space_files["README.md"])
    assert card.data.to_dict() == {
        "title": "demo",
        "emoji": "🎞️",
        "sdk": "gradio",
        "sdk_version": SDK_VERSION,
        "python_version": "3.12",
        "app_file": "app.py",
        "license": "mit",
        "models": ["tester/pipeline"],
    }
    assert "nuwa-hf app --checkpoint tester/pipeline" in card.text


def test_space_runs_a_gradio_that_the_extra_allows():
    setup = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    (bounds,) = re.findall(r'"gradio(>=[^"]+)"', setup)
    assert SDK_VERSION in SpecifierSet(bounds)


def test_command_pushes_a_private_space_on_the_embedded_checkpoint_to_a_branch(pushed, hub):
    repository = hub.repositories["spaces/tester/own"]
    assert repository.private
    assert "app.py" not in repository.commit("main").files
    files = repository.commit("v2").files
    assert RepoCard(files["README.md"][0].decode()).data.get("models") is None
    assert "build_app()" in files["app.py"][0].decode()
    assert files["requirements.txt"][0] == b"nuwa_hf[app] @ git+https://github.com/tester/nuwa_hf@main\n"


COMMIT = {"vcs": "git", "commit_id": "0a1b2c", "requested_revision": "main"}
REPOSITORY = "https://github.com/user/nuwa_hf"


@pytest.mark.parametrize(
    ("direct_url", "requirement"),
    [
        ({"url": REPOSITORY, "vcs_info": COMMIT}, f"nuwa_hf[app] @ git+{REPOSITORY}@0a1b2c"),
        ({"url": f"{REPOSITORY}/nuwa_hf.whl", "archive_info": {}}, f"nuwa_hf[app] @ {REPOSITORY}/nuwa_hf.whl"),
    ],
)
def test_space_installs_what_is_installed_here(direct_url, requirement, tmp_path, monkeypatch):
    add_installation(tmp_path, direct_url)
    monkeypatch.syspath_prepend(tmp_path)
    files = space_contents("user/demo", checkpoint="embedded")
    assert files["requirements.txt"].decode() == f"{requirement}\n"
    assert f'pip install "{requirement}"' in files["README.md"].decode()


@pytest.mark.parametrize(
    "direct_url",
    [
        {"url": "file:///home/me/nuwa", "dir_info": {"editable": True}},
        {"url": "file:///home/me/nuwa_hf.whl", "archive_info": {}},
        {"url": "file:///home/me/nuwa", "vcs_info": COMMIT},
        {"url": "ssh://git@example.com/nuwa", "vcs_info": COMMIT},
        {"url": REPOSITORY, "vcs_info": COMMIT, "subdirectory": "package"},
    ],
)
def test_space_of_an_installation_that_it_cannot_see_is_refused(direct_url, tmp_path, monkeypatch, capsys):
    add_installation(tmp_path, direct_url)
    monkeypatch.syspath_prepend(tmp_path)
    with LocalHub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        assert main(["push-space", "user/demo", "--checkpoint", "user/model"]) == 2
        assert hub.requests == []
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "`package_url` must be given" in error
    assert direct_url["url"] in error
    assert b"@ https://x/y.whl" in space_contents("a/b", checkpoint="c/d", package_url="https://x/y.whl")["README.md"]


@pytest.mark.parametrize(
    ("state", "word"), [({"private": True}, "private"), ({"gated": "manual"}, "gated"), ({}, None)]
)
def test_checkpoint_that_not_everybody_may_read_is_said(state, word, caplog):
    class Hub:
        def model_info(self, name):
            return ModelInfo(id=name, siblings=[{"rfilename": "model_index.json"}], **state)

    _check_pipeline_there("user/model", "user/demo", Hub())
    said = [] if word is None else [f"user/model is {word}: the Space needs a secret HF_TOKEN"]
    assert [one.message[: len(said[0])] for one in caplog.records] == said


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("private Space onto public", "ValueError", "the repository tester/demo is there already and public"),
        ("no checkpoint", "PushError", "Nothing was pushed to tester/no-space: `checkpoint` tester/nothing: the Hub"),
        ("no pipeline", "ValueError", "`checkpoint` must be a pipeline's repository, got tester/vqgan, which has no"),
        ("Space of a stranger", "PushError", "your token may not do that"),
    ],
)
def test_refused_space_says_why_and_nothing_is_made(pushed, hub, name, kind, message):
    assert pushed.raised[name][0] == kind
    assert message in pushed.raised[name][1]
    assert "spaces/tester/no-space" not in hub.repositories


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo"], "`repo_id` must be USER/NAME"),
        (["user/demo", "--checkpoint", "path/to/my/folder"], "push a folder first: nuwa-hf push FOLDER USER/MODEL"),
        (["user/demo", "--checkpoint", "https://hf.co/user/model"], "`checkpoint` must be USER/MODEL on the Hub"),
        (["user/demo", "--license", "My own"], "`license` must be a short name of the Hub"),
        (["user/demo", "--package_url", "nuwa_hf; rm"], "`package_url` must be what pip installs from"),
    ],
)
def test_space_that_cannot_be_is_refused_before_any_request(arguments, message, monkeypatch, capsys):
    with LocalHub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        assert main(["push-space", *arguments]) == 2
        assert hub.requests == []
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
