# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Many visitors at a time, of `NuwaSampler` and of the app over HTTP: every answer is that of its single call.

Each round has 1, 8 or 32 visitors, who ask again as soon as they have their answer, for some seconds. Beyond the
queue, and only there, they are refused in the queue's own words, wait a moment and ask again.
"""

import contextlib
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import torch
from local_server import free_port, wait_for
from tiny import CAPTIONS, tiny_inputs, tiny_pipeline

import nuwa_hf
from campaign.attempts import Attempts
from nuwa_hf.tasks import TASKS


VISITORS = (1, 8, 32)
WAITING = 16  # requests that may wait: of 32 visitors not all can, even if a batch is at work
AT_WORK = 8  # requests that are answered at a time: the sampler's batch; the app answers one
FULL = {  # what the queue says when no more may wait: of the sampler ours, of the app Gradio's
    "sampler": f"No more than {WAITING} requests may wait (`max_waiting`), and {WAITING} do; try again when some are "
    "answered.",
    "app": "Queue is full! Please try again.",
}
SETTINGS = 4  # different requests of each task
WARM_SHARE = 0.2  # of a round, after which memory may no longer grow
PATIENCE = 60.0  # seconds that a client waits for the app to say anything; Gradio's own waits for 5
MEGABYTES = 20  # that it may grow all the same

Ask = Callable[[int], Any]  # the number of a request to what comes back; raises Refused beyond the queue


class Refused(Exception):  # noqa: N818 (says what happened)
    """The visitor may ask again; the message is what the visitor reads."""


class Load:
    """The attack.

    Args:
        seconds (`float`): how long each round lasts.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def attempt(self, through: str, visitors: int) -> dict[str, Any]:
        """One round.

        Args:
            through (`str`): "sampler" or "app".
            visitors (`int`): how many at a time.

        Returns:
            `dict[str, Any]`: the verdict, how many answers, refusals, seconds, and megabytes.
        """
        with {"sampler": sampler, "app": app}[through]() as (ask, number_of_requests, expected, process):
            return self._round(ask, number_of_requests, expected, process, visitors, FULL[through])

    def _round(
        self, ask: Ask, number_of_requests: int, expected: Ask, process: psutil.Process, visitors: int, full: str
    ) -> dict[str, Any]:
        right = [expected(number) for number in range(number_of_requests)]
        taken, wrong, errors = array("d"), 0, []
        refused: Counter[str] = Counter()  # texts and how often: kept one by one, they would be what grows
        early, last = 0.0, deque(maxlen=10)  # megabytes
        begin = time.monotonic()
        end = begin + self.seconds

        def visit(visitor: int) -> None:
            nonlocal early, wrong
            rng = random.Random(visitor)
            while (start := time.monotonic()) < end:
                number = rng.randrange(number_of_requests)
                try:
                    answer = ask(number)
                except Refused as refusal:
                    refused[str(refusal)] += 1
                    time.sleep(0.05)
                    continue
                except Exception as error:
                    errors.append(f"{type(error).__name__}: {error}"[:300])
                    return
                taken.append(time.monotonic() - start)
                wrong += answer != right[number]
                last.append(process.memory_info().rss / 2**20)
                if not early or time.monotonic() - begin <= WARM_SHARE * self.seconds:
                    early = max(early, last[-1])

        with ThreadPoolExecutor(visitors) as pool:
            list(pool.map(visit, range(visitors)))
        grown = max(last, default=0.0) - early
        found = ["no answer"] * (not taken) + ["wrong answers"] * (wrong > 0) + ["errors"] * bool(errors)
        found += ["memory grows"] * (grown > MEGABYTES) + wrong_refusals(refused, visitors, len(taken), full)
        ordered = sorted(taken)
        return {
            "verdict": ", ".join(found) or "held",
            "answers": len(taken),
            "wrong": wrong,
            "refused": refused.total(),
            "refusal": next((text for text in refused if text != full), next(iter(refused), None)),
            "errors": errors[:3],
            "median_seconds": round(statistics.median(taken), 3) if taken else None,
            "p99_seconds": round(ordered[int(0.99 * (len(ordered) - 1))], 3) if taken else None,
            "megabytes_grown": round(grown, 1),
        }


def wrong_refusals(refused: Collection[str], visitors: int, answers: int, full: str) -> list[str]:
    """What is wrong with the refusals of a round.

    Args:
        refused (`list[str]`): what was said to those who were refused.
        visitors (`int`): how many ask at a time.
        answers (`int`): how many requests were answered.
        full (`str`): what the queue says when no more may wait.

    Returns:
        `list[str]`: faults, in words.
    """
    found = ["other refusals"] * any(text != full for text in refused)
    found += ["no refusals"] * (visitors > WAITING + AT_WORK and not refused)
    # Who is refused finds the queue full, and all who wait in it are answered.
    found += ["needless refusals"] * (bool(refused) and (visitors <= WAITING or answers < WAITING))
    return found


def requests() -> list[tuple[str, dict[str, Any]]]:
    """Of every task several requests: its name and its arguments, without a generator."""
    return [
        (task.name, {**tiny_inputs(task.abbreviation, seed), "temperature": 0.5 + seed / 4, "output_type": "latent"})
        for task in TASKS
        for seed in range(SETTINGS)
    ]


@contextlib.contextmanager
def sampler() -> Iterator[tuple[Ask, int, Ask, psutil.Process]]:
    """`NuwaSampler` in this process."""
    pipeline, wanted = tiny_pipeline("T2V"), requests()

    def tokens(output: Any) -> bytes:
        return next(iter(output.values())).numpy().tobytes()

    def arguments(number: int) -> dict[str, Any]:
        return {**wanted[number][1], "generator": torch.Generator().manual_seed(number)}

    with nuwa_hf.NuwaSampler(pipeline, max_batch_size=AT_WORK, max_waiting=WAITING) as one:

        def ask(number: int) -> bytes:
            try:
                return tokens(one.submit(wanted[number][0], **arguments(number)).result())
            except nuwa_hf.SamplerFullError as error:
                raise Refused(str(error)) from None

        def alone(number: int) -> bytes:
            return tokens(one.pipeline(wanted[number][0])(**arguments(number)))

        yield ask, len(wanted), alone, psutil.Process()


@contextlib.contextmanager
def app() -> Iterator[tuple[Ask, int, Ask, psutil.Process]]:
    """The command `nuwa-hf app` over HTTP on this machine; its answers are compared by the digests of their files."""
    from gradio_client import Client
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError

    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        tiny_pipeline("T2V").save_pretrained(folder / "checkpoint")
        words = ["--checkpoint", str(folder / "checkpoint"), "--port", str(port), "--max-waiting", str(WAITING)]
        log = folder / "log.txt"
        with (
            log.open("w", encoding="utf-8") as output,
            subprocess.Popen(
                [sys.executable, "-m", "nuwa_hf.cli", "app", "--device", "cpu", *words],
                env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": name},
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as server,
        ):
            clients = threading.local()

            def ask(number: int) -> tuple[str, ...]:
                if not hasattr(clients, "one"):
                    settings = {"download_files": str(folder / "downloads"), "httpx_kwargs": {"timeout": PATIENCE}}
                    clients.one = Client(address, verbose=False, **settings)
                task, prompt = ("text-to-image", "text-to-video")[number % 2], CAPTIONS[number % len(CAPTIONS)]
                try:
                    result = clients.one.predict(prompt=prompt, seed=str(number), api_name=f"/{task}")
                except (AppError, QueueError) as error:
                    raise Refused(str(error)) from None
                return tuple(sorted(digest(path) for path in paths_in(result) if path.suffix in (".png", ".gif")))

            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(server, address, log)
                yield ask, 2 * SETTINGS, ask, psutil.Process(server.pid)  # asked alone, before anybody else comes
            finally:
                server.terminate()


def paths_in(result: Any) -> list[Path]:
    """The files that an answer of the app names."""
    if isinstance(result, str):
        return [Path(result)] if result.startswith("/") and Path(result).is_file() else []
    if isinstance(result, dict):
        return [path for one in result.values() for path in paths_in(one)]
    return [path for one in result for path in paths_in(one)] if isinstance(result, list | tuple) else []


def digest(path: Path) -> str:
    """Of what a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def run(attempts: Attempts, seconds: float, only: list[str]) -> None:
    """All rounds.

    Args:
        attempts (`Attempts`): where they are written down.
        seconds (`float`): how long each of them lasts.
        only (`list[str]`): "sampler" or "app"; both if it is empty.
    """
    cases = [{"through": one, "visitors": number} for one in only or ("sampler", "app") for number in VISITORS]
    attempts.make(cases, Load(seconds).attempt, "rounds")
