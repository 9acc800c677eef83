# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judges the tasks without a known part: text to image, sketch to image and to video, best of several candidates.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from nuwa_hf.evaluation.judges.sketch_scores import score_class_maps
from nuwa_hf.evaluation.tasks.task_evaluator import Row, Table, TaskEvaluator
from nuwa_hf.modeling.class_maps import class_maps_to_pixels, pixels_to_class_maps
from nuwa_hf.modeling.codec import Codec


def judge_text_to_image(evaluator: TaskEvaluator) -> dict[str, Table]:
    """T2I: stills from the captions of the real ones.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: one table, with `object` and `background`.
    """
    real = evaluator.real
    prompts = [sample["image_caption"] for sample in real.samples]
    images = {
        "real": real.stills(real.clips),
        "codec": real.stills(evaluator.coded),
        "generated": evaluator.run("T2I", {"prompt": prompts}, "from the caption"),
    }
    table = {row: evaluator.score_images(pixels) for row, pixels in images.items()}
    table["chance"] = evaluator.score_chance(("object", "background"), real.image_truths)
    return {real.dataset.split: table}


def judge_sketch_to_image(evaluator: TaskEvaluator) -> dict[str, Table]:
    """S2I: stills from their class maps, without and with their captions.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples; its judges draw class maps.

    Returns:
        `dict[str, Table]`: one table, with `object`, `background` and the scores of `score_class_maps`; the sketches
        after encoding and decoding have a row of their own.
    """
    real = evaluator.real
    sketches = real.stills(real.sketches)
    prompts = [sample["image_caption"] for sample in real.samples]
    images = {
        "real": real.stills(real.clips),
        "codec": real.stills(evaluator.coded),
        "sketch": evaluator.run("S2I", {"sketch": sketches}, "from the sketch"),
        "sketch and text": evaluator.run("S2I", {"sketch": sketches, "prompt": prompts}, "from sketch and text"),
    }
    table = {
        row: evaluator.score_images(pixels) | match_sketch(evaluator, pixels, sketches)
        for row, pixels in images.items()
    }
    coded = through_sketch_codec(evaluator.pipeline.sketch_codec, sketches, evaluator.batch_size)
    table["the sketch itself through its codec"] = score_class_maps(coded, sketches)
    table["chance"] = evaluator.score_chance(("object", "background"), real.image_truths)
    return {real.dataset.split: table}


def judge_sketch_to_video(evaluator: TaskEvaluator) -> dict[str, Table]:
    """S2V: clips from their class maps, without and with their captions.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples; its judges draw class maps.

    Returns:
        `dict[str, Table]`: one table, with `object`, `background`, `motion`, `object_and_motion` and the scores of
        `score_class_maps`.
    """
    real = evaluator.real
    prompts = [sample["caption"] for sample in real.samples]
    clips = {
        "real": real.clips,
        "codec": evaluator.coded,
        "sketch": evaluator.run("S2V", {"sketch": real.sketches}, "from the sketch"),
        "sketch and text": evaluator.run("S2V", {"sketch": real.sketches, "prompt": prompts}, "from sketch and text"),
    }
    table = {
        row: evaluator.score_clips(pixels) | match_sketch(evaluator, pixels.flatten(0, 1), real.sketches.flatten(0, 1))
        for row, pixels in clips.items()
    }
    table["chance"] = evaluator.score_chance(("object", "background", "motion", "object_and_motion"))
    return {real.dataset.split: table}


def judge_candidates(evaluator: TaskEvaluator, counts: Sequence[int]) -> dict[str, Table]:
    """T2V with the best of several candidates, chosen by the model's own likelihood ratio.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.
        counts (`Sequence[int]`): numbers of candidates.

    Returns:
        `dict[str, Table]`: one table with a row for each number.
    """
    real = evaluator.real
    prompts = [sample["caption"] for sample in real.samples]
    table = {"real": evaluator.score_clips(real.clips), "codec": evaluator.score_clips(evaluator.coded)}
    for count in counts:
        row = f"best of {count}"
        clips = evaluator.run("T2V", {"prompt": prompts}, row, num_frames=real.clips.shape[1], num_candidates=count)
        table[row] = evaluator.score_clips(clips)
    table["chance"] = evaluator.score_chance(("object", "background", "motion", "object_and_motion"))
    return {real.dataset.split: table}


def match_sketch(evaluator: TaskEvaluator, images: Tensor, sketches: Tensor) -> Row:
    """Compare the class maps that a judge predicts for images with the sketches they were made from.

    Args:
        evaluator (`TaskEvaluator`): whose judges draw class maps.
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1].
        sketches (`torch.LongTensor` of shape `(B, Y, X)`): classes.

    Returns:
        `dict`: of `score_class_maps`.
    """
    return score_class_maps(evaluator.judges.segment(images), sketches)


@torch.inference_mode()
def through_sketch_codec(codec: Codec, sketches: Tensor, batch_size: int) -> Tensor:
    """Encode sketches to tokens and decode them again.

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
