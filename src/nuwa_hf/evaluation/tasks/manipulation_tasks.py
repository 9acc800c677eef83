# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tasks that change a known picture or clip by a text, judged.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nuwa_hf.evaluation.tasks.changed_captions import ChangedCaption, another_motion, another_object
from nuwa_hf.evaluation.tasks.completion_tasks import WAYS
from nuwa_hf.evaluation.tasks.hidden_places import places_around, seam, to_pixels
from nuwa_hf.evaluation.tasks.task_evaluator import Table, Trial


def judge_image_manipulation(trial: Trial) -> dict[str, Table]:
    """TI2I: the thing of each still replaced by another one, drawn by its number, in both ways.

    Hidden is the box around the thing, grown to whole places of the token grid and by one place on every side.

    Args:
        trial (`Trial`): the checkpoint and the samples; those with one thing are used.

    Returns:
        `dict[str, Table]`: one table, with `object` (the new one; for `real` and `codec`, the old one), `background`,
        `seam`, and `kept`, the share of the kept pixels that come back bit-equal.
    """
    trial, changes = changed(trial, another_object)
    real, factor = trial.real, trial.pipeline.codec.spatial_factor
    images = real.stills(real.clips)
    things = torch.stack([torch.from_numpy(s["object_mask"][s["image_index"]]).bool() for s in real.samples])
    masks = to_pixels(places_around(things, factor), factor)
    coded = torch.where(masks[:, None], real.stills(trial.coded), images)
    table = {row: trial.score_images(shown) for row, shown in (("real", images), ("codec", coded))}
    for row, shown in (("real", images), ("codec", coded)):
        table[row]["seam"] = seam(shown, masks)
    inputs = {"prompt": [change.caption for change in changes], "image": images, "mask": masks}
    truths = [change.truth for change in changes]
    for way, condition_on_known in WAYS.items():
        edited = trial.run("TI2I", inputs, f"another thing, {way}", condition_on_known=condition_on_known)
        table[way] = trial.score_images(edited, truths)
        table[way] |= {"seam": seam(edited, masks), "kept": share_kept(edited, images, masks)}
    table["chance"] = trial.score_chance(("object", "background"), truths)
    return {f"{real.dataset.split}, another thing": table}


def judge_video_manipulation(trial: Trial) -> dict[str, Table]:
    """TV2V: clips drawn anew from their first frame and a text, in both ways.

    Args:
        trial (`Trial`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for the clips' own captions and, except on the split "zeroshot", one for captions
        with another motion (of the clips with one thing), each with the scores of clips and `kept`. Real clips and
        those of the codec are scored against their own captions in both.
    """
    split = trial.real.dataset.split
    own = [
        ChangedCaption(sample["caption"], truth)
        for sample, truth in zip(trial.real.samples, trial.real.truths, strict=True)
    ]
    tables = {f"{split}, own caption": judge_captions(trial, own, "own caption")}
    if split != "zeroshot":
        tables[f"{split}, another motion"] = judge_captions(*changed(trial, another_motion), "another motion")
    return tables


def judge_captions(trial: Trial, changes: list[ChangedCaption], name: str) -> Table:
    """Draw clips anew from their first frames and captions, in both ways.

    Args:
        trial (`Trial`): the checkpoint and the samples.
        changes (`list[ChangedCaption]`): what to ask for, one for each sample.
        name (`str`): beside the progress bar.

    Returns:
        `Table`: the scores of clips and `kept`.
    """
    clips = trial.real.clips
    coded = torch.cat([clips[:, :1], trial.coded[:, 1:]], dim=1)
    table = {"real": trial.score_clips(clips), "codec": trial.score_clips(coded)}
    masks = torch.ones_like(clips[:, :, 0], dtype=torch.bool)
    masks[:, 0] = False
    inputs = {"prompt": [change.caption for change in changes], "video": clips}
    truths = [change.truth for change in changes]
    for way, condition_on_known in WAYS.items():
        edited = trial.run("TV2V", inputs, f"{name}, {way}", condition_on_known=condition_on_known)
        table[way] = trial.score_clips(edited, truths) | {"kept": share_kept(edited, clips, masks)}
    table["chance"] = trial.score_chance(("object", "background", "motion", "object_and_motion"), truths)
    return table


def changed(trial: Trial, change: Callable[..., ChangedCaption | None]) -> tuple[Trial, list[ChangedCaption]]:
    """The samples that can be changed, and what to ask for.

    Args:
        trial (`Trial`): the samples.
        change (`Callable`): `another_object` or `another_motion`.

    Returns:
        `tuple[Trial, list[ChangedCaption]]`: of the same length.

    Raises:
        ValueError: If no sample can be changed.
    """
    real = trial.real
    asked = {
        place: found
        for place, (sample, truth) in enumerate(zip(real.samples, real.image_truths, strict=True))
        if (found := change(sample, truth, real.dataset, trial.seed + place)) is not None
    }
    if not asked:
        raise ValueError(
            f"The samples must hold one whose caption can be changed, got none in {len(real)}; draw more of them."
        )
    return trial.take(list(asked)), list(asked.values())


def share_kept(shown: Tensor, original: Tensor, masks: Tensor) -> float:
    """The share of the pixels outside the mask that are bit-equal to the original, which must be all of them.

    Args:
        shown (`torch.Tensor` of shape `(..., 3, Y, X)`): in [0, 1].
        original (`torch.Tensor` of the same shape): in [0, 1].
        masks (`torch.BoolTensor` of shape `(..., Y, X)`): True where filled.

    Returns:
        `float`: in [0, 1].
    """
    return (shown == original).all(dim=-3)[~masks].float().mean().item()
