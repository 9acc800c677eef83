# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command `python -m tests.campaign ATTACK`."""

import argparse
from pathlib import Path

from tests import campaign  # noqa: F401 (puts the folder of the tests on the path)


def main() -> None:
    """Run one attack for some time; the same command goes on."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=main.__doc__)
    parser.add_argument("attack", choices=["kill", "media", "calls", "folders", "load", "soak"])
    parser.add_argument("--count", type=int, default=50, help="attempts of each kind")
    parser.add_argument("--hours", type=float, default=1.0, help="when to stop; the same command goes on")
    parser.add_argument("--minutes", type=float, default=20.0, help="of the soak, from one resume to the next")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/campaign"), help="a folder, for everything")
    parser.add_argument("--only", nargs="*", default=[], help="jobs and ways of kill, or readers of folders, by name")
    given = parser.parse_args()

    import torch

    from campaign.attempts import Attempts

    torch.set_num_threads(1)
    work = given.work.absolute() / given.attack
    attempts = Attempts(work / "attempts.jsonl", given.hours * 3600)
    if given.attack == "kill":
        from campaign import kill

        kill.run(work, attempts, given.count, given.seed, given.only)
        kinds = attempts.counts("job", "way")
    elif given.attack == "media":
        from campaign import bad_media

        bad_media.run(work, attempts, given.count, given.seed)
        kinds = attempts.counts()
    elif given.attack == "soak":
        from campaign import soak

        soak.run(work, attempts, given.hours, given.minutes)
        kinds = attempts.counts()
    elif given.attack == "load":
        from campaign import load

        load.run(attempts, given.hours * 3600 / 8, given.only)
        kinds = attempts.counts("through", "visitors")
    elif given.attack == "folders":
        from campaign import hostile_folders

        hostile_folders.run(work, attempts, given.count, given.seed, given.only)
        kinds = attempts.counts("loader")
    else:
        from campaign import wrong_calls

        wrong_calls.run(attempts, given.count, given.seed, given.only)
        kinds = attempts.counts("surface", "kind")
    for kind, number in sorted(kinds.items()):
        print(*kind, number, sep="\t")


if __name__ == "__main__":
    main()
