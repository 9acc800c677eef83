# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the attacks kill and load take for a fault, in small folders and texts: no job is run."""

import json
import shutil

import pytest
from campaign.load import FULL, WAITING, wrong_refusals
from campaign.results import of_conversion, of_evaluation, of_repository, of_tokens, of_training
from campaign.verdicts import (
    AGAIN,
    HALF,
    LOST,
    MISSING,
    OTHER,
    STRAY,
    goes_on,
    look,
    of_resumed,
    of_stopped,
    resumed_at,
    verdict_of,
)
from local_hub import LocalHub, Repository
from tiny import tiny_inputs, tiny_pipeline

from nuwa_hf import NuwaSampler, SamplerFullError


PIPELINE = ("model_index.json", "README.md", "vqgan/config.json", "vqgan/model.safetensors", "tokenizer/vocab.json")
PIPELINE_OF_RUN = tuple(f"pipeline/{name}" for name in PIPELINE)
STATES = ("model.safetensors", "optimizer.bin", "arguments.json", "file_sizes.json")
UNWRITTEN = "Checkpoint /runs/checkpoint-000006 could not be written, the last good one stays: No space left on device"
FROM_6 = "This run:\n  steps  24, 18 of them to go from /runs/checkpoint-1/run/checkpoint-000006\n  folder  /runs"


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"content of {name}".encode())


def write_run(folder, *, checkpoints=(3, 6, 9), step=10, others=()):
    """The folder of a training that was stopped after a step."""
    write(folder, [f"checkpoint-{number:06d}/{name}" for number in checkpoints for name in STATES])
    write(folder, others)
    lines = [json.dumps({"step": number, "loss": 1.0}) for number in range(1, step + 1)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def look_at_run(folder):
    return look(folder, of_training, "checkpoint-*/**/*")


@pytest.fixture
def finished(tmp_path):
    """A training that nobody disturbed."""
    return look_at_run(write_run(tmp_path / "finished", others=PIPELINE_OF_RUN))


def commit_of(folder):
    """A commit of what the folder holds, as the Hub would hold it, and its results."""
    hub = LocalHub()
    hub.repositories[f"tester/{folder.name}"] = repository = Repository(private=False)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    repository.add("main", {name: (data, False) for name, data in {".gitattributes": b"", **files}.items()})
    return of_repository(hub)(folder)


@pytest.mark.parametrize(
    ("results", "top", "names"),
    [
        (of_training, "pipeline/", PIPELINE),
        (of_training, "vqgan/", ("config.json", "model.safetensors")),
        (of_training, "checkpoint-000003/", STATES),
        (of_conversion, "vqgan/", ("config.json", "model.safetensors")),
        (commit_of, "", PIPELINE),
    ],
)
def test_half_of_a_result_of_several_files_is_part_of_no_whole_one(tmp_path, results, top, names):
    names = [f"{top}{name}" for name in names]
    folder, complete = tmp_path / "run", None
    for damaged in (None, *names):
        for is_cut in (False, True):
            shutil.rmtree(folder, ignore_errors=True)
            write(folder, names)
            if damaged is None:
                complete = results(folder)
                assert len(complete) == 1
            elif is_cut:
                (folder / damaged).write_bytes(b"")
                assert not results(folder).items() & complete.items()
            else:
                (folder / damaged).unlink()
                assert not results(folder).items() & complete.items()
    shutil.rmtree(folder)
    folder.mkdir()
    assert results(folder) == {}


def test_what_is_begun_is_no_result_and_half_a_file_is_a_wrong_one(tmp_path):
    write(tmp_path, ["tokens-00000.safetensors"])
    one_shard = of_tokens(tmp_path)
    (tmp_path / "token_files.json").write_text('{"num_shards": null}')
    assert of_tokens(tmp_path) == one_shard
    (tmp_path / "token_files.json").write_text('{"num_shards": 2}')
    complete = of_tokens(tmp_path)
    (tmp_path / "token_files.json").write_text('{"num_sh')
    assert not of_tokens(tmp_path).items() <= complete.items()

    scores = tmp_path / "scores.json"
    scores.write_text('{"complete": false}')
    assert of_evaluation(tmp_path) == {}
    scores.write_text('{"complete": true, "rows": [{"mse": 1, "seconds": 2}]}')
    first = of_evaluation(tmp_path)
    scores.write_text('{"complete": true, "rows": [{"mse": 1, "seconds": 3}]}')
    assert of_evaluation(tmp_path) == first
    for half in ('{"complete": true, "ro', '{"rows": []}'):  # a report that does not say that it is partial
        scores.write_text(half)
        assert of_evaluation(tmp_path).keys() == first.keys()
        assert of_evaluation(tmp_path) != first


def test_a_stopped_run_leaves_whole_results_and_all_its_checkpoints(tmp_path, finished):
    stopped = write_run(tmp_path / "stopped", checkpoints=(3, 6), step=9)  # 9 was being written
    (stopped / ".pipeline.incomplete").mkdir()
    write(stopped / ".pipeline.incomplete", PIPELINE[:2])
    found = {"is_over": False, "may_add": False}
    assert of_stopped(finished, look_at_run(stopped), "", **found) == {}
    write(stopped, PIPELINE_OF_RUN[:-1])
    assert of_stopped(finished, look_at_run(stopped), "", **found) == {HALF: ["pipeline"]}
    write(stopped, PIPELINE_OF_RUN)
    assert of_stopped(finished, look_at_run(stopped), "", **found) == {}
    (stopped / "checkpoint-000003" / "optimizer.bin").write_bytes(b"")
    assert of_stopped(finished, look_at_run(stopped), "", **found) == {HALF: ["checkpoint-000003"]}

    write(stopped, ["checkpoint-000003/optimizer.bin"])
    write(stopped, [f"checkpoint-000008/{name}" for name in STATES])  # what SIGTERM leaves
    assert of_stopped(finished, look_at_run(stopped), "", **found) == {HALF: ["checkpoint-000008"]}
    assert of_stopped(finished, look_at_run(stopped), "", is_over=False, may_add=True) == {}


@pytest.mark.parametrize("is_over", [False, True])
def test_a_checkpoint_is_missing_only_if_the_log_says_so(tmp_path, finished, is_over):
    others = PIPELINE_OF_RUN if is_over else ()
    seen = look_at_run(write_run(tmp_path / "without 6", checkpoints=(3, 9), others=others))
    silent = of_stopped(finished, seen, UNWRITTEN.replace("000006", "000003"), is_over=is_over, may_add=False)
    assert silent.keys() == ({OTHER, MISSING} if is_over else {LOST})
    assert "checkpoint-000006" in silent[OTHER if is_over else LOST]
    assert of_stopped(finished, seen, UNWRITTEN, is_over=is_over, may_add=False) == {}


def test_where_a_run_goes_on_is_read_in_its_own_summary():
    fresh = "This run:\n  steps  24\nStep 3: wrote /runs/checkpoint-000003.\nStep 6: wrote /runs/checkpoint-000006."
    damaged = "/runs/checkpoint-000009 is damaged (x.bin is missing), so the run goes on from /runs/checkpoint-000006."
    assert resumed_at(fresh) == 0
    assert resumed_at(f"{damaged}\n{FROM_6}\nStep 9: wrote /runs/checkpoint-000009.") == 6


def test_a_run_goes_on_from_its_newest_checkpoint_and_makes_none_again(tmp_path, finished):
    folder = write_run(tmp_path / "run", checkpoints=(3, 6), step=7)
    between = look_at_run(folder)
    write_run(folder, checkpoints=(9,), others=PIPELINE_OF_RUN)
    after = look_at_run(folder)
    assert of_resumed(finished, between, after, FROM_6, may_add=False) == {}
    for log in ("This run:\n  steps  24", FROM_6.replace("000006", "000003")):
        assert of_resumed(finished, between, after, log, may_add=False).keys() == {LOST}
    aside = folder / "checkpoint-000003" / "other"
    write(folder, ["checkpoint-000003/other"])
    aside.write_bytes((folder / "checkpoint-000003" / "optimizer.bin").read_bytes())
    aside.replace(folder / "checkpoint-000003" / "optimizer.bin")
    made_again = of_resumed(finished, between, look_at_run(folder), FROM_6, may_add=False)
    assert made_again == {AGAIN: ["checkpoint-000003/optimizer.bin"]}


@pytest.mark.parametrize("is_over", [False, True])
def test_names_are_compared_both_ways_whether_a_job_was_stopped_or_not(tmp_path, finished, is_over):
    folder = write_run(tmp_path / "run", others=PIPELINE_OF_RUN)

    def faults():
        seen = look_at_run(folder)
        if is_over:
            return of_stopped(finished, seen, "", is_over=True, may_add=False)
        return of_resumed(finished, seen, seen, FROM_6.replace("000006", "000009"), may_add=False)

    assert faults() == {}
    write(folder, [".pipeline.incomplete/config.json"])
    assert faults() == {STRAY: [".pipeline.incomplete/config.json"]}
    shutil.rmtree(folder / ".pipeline.incomplete")
    (folder / "metrics.jsonl").rename(tmp_path / "metrics.jsonl")
    assert faults() == {MISSING: ["metrics.jsonl"]}
    (tmp_path / "metrics.jsonl").rename(folder / "metrics.jsonl")
    (folder / "pipeline" / "model_index.json").write_bytes(b"")
    assert faults() == {OTHER: ["pipeline"]}


def test_a_job_may_refuse_the_place_of_its_whole_result_alone(tmp_path):
    names = [f"vqgan/{name}" for name in ("config.json", "model.safetensors")]
    write(tmp_path / "whole", names)
    write(tmp_path / "half", names[:1])
    whole, half = (look(tmp_path / name, of_conversion, None) for name in ("whole", "half"))
    assert goes_on([1], whole, whole, keeps_result=True)
    assert not goes_on([1], whole, half, keeps_result=True)
    assert not goes_on([1], whole, whole, keeps_result=False)
    assert not goes_on(["hangs"], whole, whole, keeps_result=True)
    assert goes_on([0, 0], whole, half, keeps_result=False)


def test_a_disturbance_that_did_not_come_about_has_a_verdict_of_its_own():
    assert verdict_of({}, is_struck=True) == "held"
    assert verdict_of({}, is_struck=False) == "did not strike"
    assert verdict_of({LOST: ["x"], STRAY: ["y"]}, is_struck=False) == f"{LOST}, {STRAY}"


@pytest.mark.parametrize("through", FULL)
def test_visitors_are_refused_beyond_the_queue_alone_and_in_its_own_words(through):
    full = FULL[through]
    too_slow = "No result within 60 seconds (the limit of this app); ask for less, or try again later."
    assert wrong_refusals([], 1, 100, full) == wrong_refusals([], 8, 100, full) == []
    assert wrong_refusals([full] * 9, 32, 100, full) == []
    assert wrong_refusals([full], 8, 100, full) == ["needless refusals"]
    assert wrong_refusals([full] * 100, 32, 1, full) == ["needless refusals"]
    assert wrong_refusals([], 32, 100, full) == ["no refusals"]
    assert wrong_refusals([full, too_slow], 32, 100, full) == ["other refusals"]
    assert wrong_refusals([too_slow], 1, 100, full) == ["other refusals", "needless refusals"]


def test_a_full_sampler_says_what_the_attack_expects():
    request = {**tiny_inputs("T2I"), "output_type": "latent"}
    sampler = NuwaSampler(tiny_pipeline("T2V"), max_batch_size=2 * WAITING, max_wait=60, max_waiting=WAITING)
    try:
        sampler.submit_many([("T2I", request)] * WAITING)
        with pytest.raises(SamplerFullError) as refusal:
            sampler.submit("T2I", **request)
    finally:
        sampler.close(cancel_waiting=True)
    assert str(refusal.value) == FULL["sampler"]
