# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The scores of a run: samples from the captions of the validation clips, judged; likelihood; times."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablations.axial_attention import WholePassNuwa, axial_attention
from benchmarks.ablations.digit_judge import CLASSIFIER_NAME, DigitReader
from benchmarks.ablations.moving_digits import FRAME_RATE, NUM_FRAMES, SIZE
from benchmarks.ablations.settings import Run
from benchmarks.ablations.train_run import Trained
from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.open_readers import open_reader
from nuwa_hf.evaluation.features.read_features import read_features
from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.evaluation.metrics.sample_scores import mean_score, share_score
from nuwa_hf.evaluation.samples.generate import generate
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.sample_set import SampleBatch, SampleSet
from nuwa_hf.evaluation.samples.task_inputs import task_inputs
from nuwa_hf.evaluation.samples.through_codec import ThroughCodec
from nuwa_hf.media import written_aside
from nuwa_hf.training.nuwa.nuwa_steps import tasks_loss
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles


BATCH_SIZE = 50
SEED_STEP = 1000  # between the first samples of two seeds; there are fewer samples
TIMED_CLIPS, TIMED_CALLS = 16, 3


def _share(name: str, title: str, output: str) -> Metric:
    return Metric(name, title, "digits", output, "higher", lambda own, _: share_score(own[output]))


JUDGED = (
    _share("digit", "Digit", "right_digit"),
    _share("direction", "Direction", "right_direction"),
    _share("digit-and-direction", "Digit and direction", "right_both"),
    Metric(
        *("kept-shape", "Kept shape", "digits", "kept_shape", "higher"), lambda own, _: mean_score(own["kept_shape"])
    ),
)
READERS: dict[str, Callable[[Path], FeatureReader]] = {
    "digits": lambda work_dir: DigitReader(work_dir / CLASSIFIER_NAME),
    "efficientnet": lambda work_dir: LastFrame(open_reader("efficientnet")),
    "pixels": lambda work_dir: open_reader("pixels"),
}


class LastFrame(FeatureReader):
    """Has a large network read only the last frame of each clip, in which all that went wrong has added up.

    Args:
        reader (`FeatureReader`): a network of single frames.
    """

    def __init__(self, reader: FeatureReader):
        self.reader, self.kind, self.needs = reader, reader.kind, reader.needs
        self.title, self.digest = f"{reader.title}, last frames", f"{reader.digest} last frame"

    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        return self.reader(SampleBatch(batch.clips[:, -1:], captions=batch.captions))


class Scorer:
    """Scores of runs whose trained parts are in one folder. What was scored before is read again.

    Args:
        work_dir (`Path`): has the data; features are kept there.
    """

    def __init__(self, work_dir: Path):
        self.work_dir = work_dir
        work_dir.mkdir(parents=True, exist_ok=True)
        self.reader = cache(lambda kind: READERS[kind](work_dir))

    def score(self, run: Run, trained: Trained) -> dict[str, Any]:
        """The scores of one run.

        Args:
            run (`Run`): the settings.
            trained (`Trained`): its parts.

        Returns:
            `dict[str, Any]`: `scores` and `codec`, each a metric's name to the fields of its `Score`; `nats`,
            `parameters`, `training_seconds`, `codec_training_seconds` and `sampling_seconds` (of one clip), of the
            processor; the last is None with axial attention, which has no sampler.
        """
        with axial_attention() if run.is_axial else nullcontext():
            return self._score(run, trained)

    def _score(self, run: Run, trained: Trained) -> dict[str, Any]:
        pipeline = NuwaTextToVideoPipeline.from_pretrained(trained.transformer / "pipeline")
        if run.is_axial:
            pipeline.transformer = WholePassNuwa.from_pretrained(trained.transformer / "pipeline" / "transformer")
        pipeline.set_progress_bar_config(disable=True)
        folder = trained.transformer / run.evaluation_name()
        return {
            "scores": self._kept(folder / "scores.json", lambda: self._generated(run, trained, pipeline, folder)),
            "codec": self._kept(
                trained.codec / f"{run.evaluation_name()}.json", lambda: self._of_codec(run, trained, pipeline)
            ),
            "nats": self._kept(folder / "nats.json", lambda: self._nats(run, trained, pipeline)),
            "parameters": pipeline.transformer.num_parameters(),
            "training_seconds": _training_seconds(trained.transformer),
            "codec_training_seconds": _training_seconds(trained.codec.with_name(run.plain_codec_name())),
            "sampling_seconds": None
            if run.is_axial
            else self._kept(folder / "sampling.json", lambda: _sampling_seconds(pipeline)),
        }

    def real(self, run: Run, data: Path) -> dict[str, Any]:
        """What the metrics reach on real clips: the judge's shares, and distances between two halves.

        Args:
            run (`Run`): says how many clips.
            data (`Path`): the clips, with a folder for each split.

        Returns:
            `dict[str, Any]`: a metric's name to the fields of its `Score`.
        """
        count = run.settings["evaluation"]["num_samples"]
        first, second = (self._real(data, count).take(range(half * count, (half + 1) * count)) for half in (0, 1))
        return self._compute((*JUDGED, *resolve_metrics(_distances(run))), first, second)

    def _generated(self, run: Run, trained: Trained, pipeline: NuwaTextToVideoPipeline, folder: Path):
        evaluation = run.settings["evaluation"]
        real = self._real(trained.data, evaluation["num_samples"]).take(range(evaluation["num_samples"]))
        options = {name: evaluation[name] for name in ("given_frames", "condition_on_known")}
        inputs = task_inputs(evaluation["task"], real, pipeline, **options)
        seed = SEED_STEP * (1 + run.seed)
        samples = generate(pipeline, inputs, folder / "samples", seed=seed, batch_size=BATCH_SIZE)
        names = ("psnr",) if "hidden" in samples.has else ()
        return self._compute((*JUDGED, *resolve_metrics((*_distances(run), *names))), samples, real)

    def _of_codec(self, run: Run, trained: Trained, pipeline: NuwaTextToVideoPipeline):
        count = run.settings["evaluation"]["num_samples"]
        real = self._real(trained.data, count).take(range(count))
        metrics = (*JUDGED, *resolve_metrics((*_distances(run), "psnr", "ssim")))
        return self._compute(metrics, ThroughCodec(real, pipeline.vqgan), real)

    def _real(self, data: Path, count: int) -> RealSamples:
        size = {"height": SIZE, "width": SIZE, "num_frames": NUM_FRAMES, "frame_rate": FRAME_RATE}
        return RealSamples.open(str(data / "validation"), num_samples=2 * count, **size)

    def _compute(self, metrics: Sequence[Metric], samples: SampleSet, real: SampleSet) -> dict[str, Any]:
        own, others = {}, {}
        for kind in {metric.kind for metric in metrics}:
            settings = {"batch_size": BATCH_SIZE, "cache_dir": self.work_dir / "features"}
            own[kind] = read_features(self.reader(kind), samples, **settings)
            if any(metric.compares for metric in metrics if metric.kind == kind):
                others[kind] = read_features(self.reader(kind), real, **settings)
        scores: dict[str, Score] = compute_metrics(metrics, own, others)
        return {name: asdict(score) for name, score in scores.items()}

    @torch.no_grad()
    def _nats(self, run: Run, trained: Trained, pipeline: NuwaTextToVideoPipeline) -> float:
        """Nats of a hidden token of the validation clips, given all before it, and the text or the known part."""
        evaluation, model = run.settings["evaluation"], pipeline.transformer
        tokens = TokenFiles.load(trained.codec / "tokens-validation")
        count = min(evaluation["num_samples"], len(tokens))
        batches = TaskBatches(tokens, model.config, {evaluation["task"]: count}, condition_dropout=0.0, seed=0)
        batch = batches(range(count))
        if evaluation["condition_on_known"] is False:
            batch = {task: replace(one, known_mask=None) for task, one in batch.items()}
        return tasks_loss(model, batch)[0].item()

    @staticmethod
    def _kept(path: Path, make: Callable[[], Any]) -> Any:
        if not path.exists():
            value = make()
            path.parent.mkdir(exist_ok=True)
            with written_aside(path) as aside:
                aside.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))


def check_metrics(runs: Sequence[Run]) -> None:
    """Look for what the scores of runs need, before any work.

    Args:
        runs (`Sequence[Run]`): all of them.

    Raises:
        ValueError: If a library is missing.
    """
    for run in runs:
        resolve_metrics(_distances(run))


def _distances(run: Run) -> list[str]:
    return [f"frechet:{kind}" for kind in run.settings["evaluation"]["distances"]]


def _sampling_seconds(pipeline: NuwaTextToVideoPipeline) -> float:
    """Seconds of the processor for one clip from a text, the least of some calls with a batch each."""
    seconds = []
    for _ in range(TIMED_CALLS):
        start = time.process_time()
        pipeline(["the digit 3 moves to the left"] * TIMED_CLIPS, output_type="pt")
        seconds.append(time.process_time() - start)
    return min(seconds) / TIMED_CLIPS


def _training_seconds(folder: Path) -> float:
    return json.loads((folder / "train.json").read_text(encoding="utf-8"))["processor_seconds"]
