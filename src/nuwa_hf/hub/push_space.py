# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf push-space`: the app on a checkpoint, as a Space that everybody can open in a browser."""

import argparse
import logging
from collections.abc import Sequence

from huggingface_hub import HfApi

from nuwa_hf.exit_status import CommandParser, exit_status
from nuwa_hf.hub.one_commit import plain_words, push_in_one_commit
from nuwa_hf.hub.push import add_repository_arguments
from nuwa_hf.hub.repository_ids import check_license, check_repo_id
from nuwa_hf.hub.space_files import PACKAGE_URL, space_contents
from nuwa_hf.storage.find_checkpoint import EMBEDDED
from nuwa_hf.storage.local_checkpoint import INDEX_FILE
from nuwa_hf.storage.portable_names import portable_name


logger = logging.getLogger(__name__)


def push_space(
    repo_id: str,
    *,
    checkpoint: str = "embedded",
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    token: str | None = None,
    license: str | None = None,
    package_url: str | None = None,
) -> str:
    """Push a Space that shows a checkpoint in the app, in one commit. The Space is created if needed.

    Everything is checked before the Space is created, also that the checkpoint is there. README.md, requirements.txt
    and app.py are written, over those that a Space has already; its other files are kept. The weights stay in the
    checkpoint's own repository, from which the Space loads them when it starts.

    Args:
        repo_id (`str`): the Space, `user/demo`.
        checkpoint (`str`, defaults to `"embedded"`): the id of a pipeline's repository on the Hub, or `"embedded"`.
        private (`bool`, *optional*): whether a new Space is private; by default as set in the account.
        revision (`str`, *optional*): the branch, created from `main` if needed; by default `main`, which the Space
            runs.
        commit_message (`str`, *optional*): by default names the checkpoint.
        token (`str`, *optional*): by default that of the login, or HF_TOKEN.
        license (`str`, *optional*): the Hub's short name of the licence, for the card; by default the card says none.
        package_url (`str`, *optional*): what the Space installs nuwa_hf from, such as
            `git+https://github.com/user/nuwa_hf@main`; by default what it was installed from here: the package index,
            in this version, or a repository, at this commit.

    Returns:
        `str`: the commit's URL.

    Raises:
        ValueError: If an id, the licence or the URL has another form, the URL is missing where nuwa_hf was installed
            from a folder, the checkpoint is a folder or no pipeline, or the Space is public and `private` was asked
            for.
        PushError: If the checkpoint is not on the Hub, or a request fails.
    """
    check_repo_id(repo_id)
    check_license(license)
    checkpoint = _checked_checkpoint(checkpoint)
    if package_url is not None and not PACKAGE_URL.fullmatch(package_url):
        raise ValueError(
            f"`package_url` must be what pip installs from, such as git+https://github.com/user/nuwa_hf@main, got "
            f"{package_url!r}; leave it out to install what is installed here."
        )
    contents = space_contents(repo_id, checkpoint=checkpoint, license=license, package_url=package_url)
    api = HfApi(token=token)
    if checkpoint != EMBEDDED:
        _check_pipeline_there(checkpoint, repo_id, api)
    return push_in_one_commit(
        contents,
        repo_id,
        api=api,
        repo_type="space",
        private=private,
        revision=revision,
        commit_message=commit_message or f"The app on {checkpoint}",
    )


def _checked_checkpoint(checkpoint: str) -> str:
    name = portable_name(checkpoint)
    if name is None:
        raise ValueError(
            f"`checkpoint` must be USER/MODEL on the Hub or `{EMBEDDED}`, as a Space sees no folder of this machine, "
            f"got {checkpoint!r}; push a folder first: nuwa-hf push FOLDER USER/MODEL."
        )
    return name


def _check_pipeline_there(checkpoint: str, repo_id: str, api: HfApi) -> None:
    with plain_words(repo_id, f"`checkpoint` {checkpoint}: "):
        model = api.model_info(checkpoint)
    if INDEX_FILE not in {file.rfilename for file in model.siblings}:
        raise ValueError(
            f"`checkpoint` must be a pipeline's repository, got {checkpoint}, which has no {INDEX_FILE}; push the "
            "folder that a pipeline was saved to."
        )
    if model.private or model.gated:
        logger.warning(
            "%s is %s: the Space needs a secret HF_TOKEN in its settings, with a token that may read it.",
            checkpoint,
            "private" if model.private else "gated",
        )


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf push-space",
        description="Push the app on a checkpoint to the Hub, as a Space that everybody can open in a browser.",
        epilog="example: nuwa-hf push-space user/demo --checkpoint user/my-nuwa",
    )
    parser.add_argument("repo_id", metavar="USER/DEMO", help="the Space; made if it is not there")
    parser.add_argument(
        "--checkpoint", default=EMBEDDED, metavar="USER/MODEL", help="a pipeline on the Hub, or embedded (the default)"
    )
    parser.add_argument(
        "--package_url", metavar="URL", help="what the Space installs nuwa_hf from; by default as here"
    )
    add_repository_arguments(parser, commit_message="by default names the checkpoint")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Push a Space in one commit.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If an argument has no valid value.
        OSError: If the push fails.
    """
    args = build_parser().parse_args(argv)
    push_space(
        args.repo_id,
        checkpoint=args.checkpoint,
        private=True if args.private else None,
        revision=args.revision,
        commit_message=args.commit_message,
        license=args.license,
        package_url=args.package_url,
    )


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
