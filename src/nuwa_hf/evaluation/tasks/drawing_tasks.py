# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tasks that draw everything anew, judged: text to image, sketch to image and to video, best of several.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from nuwa_hf.evaluation.judges.sketch_scores import score_class_maps
from nuwa_hf.evaluation.tasks.task_evaluator import Row, Table, Trial
from nuwa_hf.modeling.class_maps import class_maps_to_pixels, pixels_to_class_maps
from nuwa_hf.modeling.codec import Codec


def judge_text_to_image(trial: Trial) -> dict[str, Table]:
    """T2I: stills from the captions of the real ones.

    Args:
        trial (`Trial`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: one table, with `object` and `background`.
    """
    real = trial.real
    prompts = [sample["image_caption"] for sample in real.samples]
    images = {
        "real": real.stills(real.clips),
        "codec": real.stills(trial.coded),
        "generated": trial.run("T2I", {"prompt": prompts}, "from the caption"),
    }
    table = {row: trial.score_images(pixels) for row, pixels in images.items()}
    table["chance"] = trial.score_chance(("object", "background"), real.image_truths)
    return {real.dataset.split: table}


def judge_sketch_to_image(trial: Trial) -> dict[str, Table]:
    """S2I: stills from their class maps, without and with their captions.

    Args:
        trial (`Trial`): the checkpoint and the samples; its judges draw class maps.

    Returns:
        `dict[str, Table]`: one table, with `object`, `background` and the scores of `score_class_maps`; what the
        sketches' codec leaves of them has a row of its own.
    """
    real = trial.real
    sketches = real.stills(real.sketches)
    prompts = [sample["image_caption"] for sample in real.samples]
    images = {
        "real": real.stills(real.clips),
        "codec": real.stills(trial.coded),
        "sketch": trial.run("S2I", {"sketch": sketches}, "from the sketch"),
        "sketch and text": trial.run("S2I", {"sketch": sketches, "prompt": prompts}, "from sketch and text"),
    }
    table = {row: trial.score_images(pixels) | match_sketch(trial, pixels, sketches) for row, pixels in images.items()}
    coded = through_sketch_codec(trial.pipeline.sketch_codec, sketches, trial.batch_size)
    table["the sketch itself through its codec"] = score_class_maps(coded, sketches)
    table["chance"] = trial.score_chance(("object", "background"), real.image_truths)
    return {real.dataset.split: table}


def judge_sketch_to_video(trial: Trial) -> dict[str, Table]:
    """S2V: clips from their class maps, without and with their captions.

    Args:
        trial (`Trial`): the checkpoint and the samples; its judges draw class maps.

    Returns:
        `dict[str, Table]`: one table, with `object`, `background`, `motion`, `object_and_motion` and the scores of
        `score_class_maps`.
    """
    real = trial.real
    prompts = [sample["caption"] for sample in real.samples]
    clips = {
        "real": real.clips,
        "codec": trial.coded,
        "sketch": trial.run("S2V", {"sketch": real.sketches}, "from the sketch"),
        "sketch and text": trial.run("S2V", {"sketch": real.sketches, "prompt": prompts}, "from sketch and text"),
    }
    table = {
        row: trial.score_clips(pixels) | match_sketch(trial, pixels.flatten(0, 1), real.sketches.flatten(0, 1))
        for row, pixels in clips.items()
    }
    table["chance"] = trial.score_chance(("object", "background", "motion", "object_and_motion"))
    return {real.dataset.split: table}


def judge_candidates(trial: Trial, counts: Sequence[int]) -> dict[str, Table]:
    """T2V with the best of several candidates, chosen by the model's own likelihood ratio.

    Args:
        trial (`Trial`): the checkpoint and the samples.
        counts (`Sequence[int]`): numbers of candidates.

    Returns:
        `dict[str, Table]`: one table with a row for each number.
    """
    real = trial.real
    prompts = [sample["caption"] for sample in real.samples]
    table = {"real": trial.score_clips(real.clips), "codec": trial.score_clips(trial.coded)}
    for count in counts:
        row = f"best of {count}"
        clips = trial.run("T2V", {"prompt": prompts}, row, num_frames=real.clips.shape[1], num_candidates=count)
        table[row] = trial.score_clips(clips)
    table["chance"] = trial.score_chance(("object", "background", "motion", "object_and_motion"))
    return {real.dataset.split: table}


def match_sketch(trial: Trial, images: Tensor, sketches: Tensor) -> Row:
    """Hold the class maps that a judge draws of images against the sketches that the images were made for.

    Args:
        trial (`Trial`): whose judges draw class maps.
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1].
        sketches (`torch.LongTensor` of shape `(B, Y, X)`): classes.

    Returns:
        `dict`: of `score_class_maps`.
    """
    return score_class_maps(trial.judges.segment(images), sketches)


@torch.inference_mode()
def through_sketch_codec(codec: Codec, sketches: Tensor, batch_size: int) -> Tensor:
    """Code sketches to tokens and decode them again.

    Args:
        codec (`Codec`): the codec of sketches.
        sketches (`torch.LongTensor` of shape `(B, Y, X)`): classes.
        batch_size (`int`): sketches at once.

    Returns:
        `torch.LongTensor` of shape `(B, Y, X)`: classes, on the CPU.
    """
    decoded = []
    for batch in sketches.split(batch_size):
        pixels = class_maps_to_pixels(batch.to(codec.device), codec.in_channels)
        decoded.append(pixels_to_class_maps(codec.decode(codec.encode(pixels).tokens).sample).cpu())
    return torch.cat(decoded)
