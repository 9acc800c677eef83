# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judges the tasks that edit a known picture or clip by a text.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nuwa_hf.evaluation.tasks.changed_captions import ChangedCaption, another_motion, another_object
from nuwa_hf.evaluation.tasks.completion_tasks import WAYS
from nuwa_hf.evaluation.tasks.hidden_places import places_around, to_pixels
from nuwa_hf.evaluation.tasks.task_evaluator import Table, TaskEvaluator
from nuwa_hf.metrics.seam import seam


def judge_image_manipulation(evaluator: TaskEvaluator) -> dict[str, Table]:
    """TI2I: the thing in each still replaced by another one, chosen by the sample's number, in both ways.

    The hidden part is the box around the thing, extended to whole places of the token grid and by one place on every
    side.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples; those with one thing are used.

    Returns:
        `dict[str, Table]`: one table, with `object` (the new one; for `real` and `codec`, the old one), `background`,
        `seam`, and `kept`, the share of the kept pixels that come back bit-equal.
    """
    evaluator, changes = changed(evaluator, another_object)
    real, factor = evaluator.real, evaluator.pipeline.codec.spatial_factor
    images = real.stills(real.clips)
    things = torch.stack([torch.from_numpy(s["object_mask"][s["image_index"]]).bool() for s in real.samples])
    masks = to_pixels(places_around(things, factor), factor)
    coded = torch.where(masks[:, None], real.stills(evaluator.coded), images)
    table = {row: evaluator.score_images(shown) for row, shown in (("real", images), ("codec", coded))}
    for row, shown in (("real", images), ("codec", coded)):
        table[row]["seam"] = seam(shown, masks)
    inputs = {"prompt": [change.caption for change in changes], "image": images, "mask": masks}
    truths = [change.truth for change in changes]
    for way, condition_on_known in WAYS.items():
        edited = evaluator.run("TI2I", inputs, f"another thing, {way}", condition_on_known=condition_on_known)
        table[way] = evaluator.score_images(edited, truths)
        table[way] |= {"seam": seam(edited, masks), "kept": share_kept(edited, images, masks)}
    table["chance"] = evaluator.score_chance(("object", "background"), truths)
    return {f"{real.dataset.split}, another thing": table}


def judge_video_manipulation(evaluator: TaskEvaluator) -> dict[str, Table]:
    """TV2V: clips generated again from their first frame and a text, in both ways.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for the clips' own captions and, except on the split "zeroshot", one for captions
        with another motion (of the clips with one thing), each with the scores of clips and `kept`. Real clips and
        those of the codec are scored against their own captions in both.
    """
    split = evaluator.real.dataset.split
    own = [
        ChangedCaption(sample["caption"], truth)
        for sample, truth in zip(evaluator.real.samples, evaluator.real.truths, strict=True)
    ]
    tables = {f"{split}, own caption": judge_captions(evaluator, own, "own caption")}
    if split != "zeroshot":
        tables[f"{split}, another motion"] = judge_captions(*changed(evaluator, another_motion), "another motion")
    return tables


def judge_captions(evaluator: TaskEvaluator, changes: list[ChangedCaption], name: str) -> Table:
    """Generate clips again from their first frames and captions, in both ways.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.
        changes (`list[ChangedCaption]`): what to ask for, one for each sample.
        name (`str`): beside the progress bar.

    Returns:
        `Table`: the scores of clips and `kept`.
    """
    clips = evaluator.real.clips
    coded = torch.cat([clips[:, :1], evaluator.coded[:, 1:]], dim=1)
    table = {"real": evaluator.score_clips(clips), "codec": evaluator.score_clips(coded)}
    masks = torch.ones_like(clips[:, :, 0], dtype=torch.bool)
    masks[:, 0] = False
    inputs = {"prompt": [change.caption for change in changes], "video": clips}
    truths = [change.truth for change in changes]
    for way, condition_on_known in WAYS.items():
        edited = evaluator.run("TV2V", inputs, f"{name}, {way}", condition_on_known=condition_on_known)
        table[way] = evaluator.score_clips(edited, truths) | {"kept": share_kept(edited, clips, masks)}
    table["chance"] = evaluator.score_chance(("object", "background", "motion", "object_and_motion"), truths)
    return table


def changed(
    evaluator: TaskEvaluator, change: Callable[..., ChangedCaption | None]
) -> tuple[TaskEvaluator, list[ChangedCaption]]:
    """The samples that can be changed, and the captions to ask for.

    Args:
        evaluator (`TaskEvaluator`): the samples.
        change (`Callable`): `another_object` or `another_motion`.

    Returns:
        `tuple[TaskEvaluator, list[ChangedCaption]]`: of the same length.

    Raises:
        ValueError: If no sample can be changed.
    """
    real = evaluator.real
    asked = {
        place: found
        for place, (sample, truth) in enumerate(zip(real.samples, real.image_truths, strict=True))
        if (found := change(sample, truth, real.dataset, evaluator.seed + place)) is not None
    }
    if not asked:
        raise ValueError(
            f"The samples must hold one whose caption can be changed, got none in {len(real)}; draw more of them."
        )
    return evaluator.take(list(asked)), list(asked.values())


def share_kept(shown: Tensor, original: Tensor, masks: Tensor) -> float:
    """The share of pixels outside the mask that are bit-equal to the original. It must be 1.

    Args:
        shown (`torch.Tensor` of shape `(..., 3, Y, X)`): in [0, 1].
        original (`torch.Tensor` of the same shape): in [0, 1].
        masks (`torch.BoolTensor` of shape `(..., Y, X)`): True where filled.

    Returns:
        `float`: in [0, 1].
    """
    return (shown == original).all(dim=-3)[~masks].float().mean().item()
