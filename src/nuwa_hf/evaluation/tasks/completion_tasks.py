# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judges the tasks that continue from a known part without a text: image completion and video prediction.

Shapes: B samples, T frames, h, w token rows and columns, Y, X pixel rows and columns.
"""

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.evaluation.tasks.hidden_places import hidden_places, to_pixels
from nuwa_hf.evaluation.tasks.task_evaluator import Table, TaskEvaluator
from nuwa_hf.metrics.psnr import psnr
from nuwa_hf.metrics.seam import seam
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.text_ids import none_text


# Whether the kept part is also a condition, so that every hole sees all of it.
WAYS = {"known part as condition": True, "the paper's way": False}
HIDDEN_KINDS = ("half", "centre", "five_percent_kept", "five_percent_hidden")
GIVEN_FRAMES = (1, 2)


def judge_image_completion(evaluator: TaskEvaluator) -> dict[str, Table]:
    """I2I: stills with a hidden part, in both ways.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for each kind of `hidden_places`, with `nats` (mean negative log-likelihood of a
        hidden token of the truth, given all that comes before it; by chance, that of a uniform guess), `object`,
        `background` and `seam`. The row `codec` has the codec's picture of the truth in the hidden part.
    """
    real, codec = evaluator.real, evaluator.pipeline.codec
    images, coded = real.stills(real.clips), real.stills(evaluator.coded)
    _, height, width = evaluator.pipeline.transformer.config.visual_grid
    tokens = encode(evaluator, images)
    tables = {}
    for kind in HIDDEN_KINDS:
        hidden = hidden_places(kind, len(real), height, width, evaluator.seed)
        masks = to_pixels(hidden, codec.spatial_factor)
        shown = {"real": images, "codec": torch.where(masks[:, None], coded, images)}
        nats = {"chance": math.log(codec.codebook_size)}
        for way, condition_on_known in WAYS.items():
            nats[way] = nats_of_hidden(evaluator, tokens, hidden, condition_on_known)
            shown[way] = evaluator.run(
                "I2I", {"image": images, "mask": masks}, f"{kind}, {way}", condition_on_known=condition_on_known
            )
        table = {}
        for row, pixels in shown.items():
            table[row] = {"nats": nats[row]} if row in nats else {}
            table[row] |= evaluator.score_images(pixels) | {"seam": seam(pixels, masks)}
        chance = evaluator.score_chance(("object", "background"), real.image_truths)
        tables[kind] = table | {"chance": {"nats": nats["chance"]} | chance}
    return tables


@torch.inference_mode()
def encode(evaluator: TaskEvaluator, images: Tensor) -> Tensor:
    """The tokens of whole images.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint.
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1].

    Returns:
        `torch.LongTensor` of shape `(B, 1, h, w)`.
    """
    codec = evaluator.pipeline.codec
    batches = images[:, :, None].split(evaluator.batch_size)
    return torch.cat([codec.encode(2 * batch.to(codec.device) - 1).tokens for batch in batches])


@torch.inference_mode()
def nats_of_hidden(evaluator: TaskEvaluator, tokens: Tensor, hidden: Tensor, condition_on_known: bool) -> float:
    """The checkpoint's negative log-likelihood of the hidden part.

        mean over the hidden places n of all images of -log p(y_n | y_(before n), known part)

    Args:
        evaluator (`TaskEvaluator`): the checkpoint.
        tokens (`torch.LongTensor` of shape `(B, 1, h, w)`): the truth.
        hidden (`torch.BoolTensor` of shape `(B, h, w)`): True where hidden.
        condition_on_known (`bool`): whether the known part is a condition too.

    Returns:
        `float`: nats a token, at least 0.
    """
    transformer = evaluator.pipeline.transformer
    total = 0.0
    batches = zip(tokens.split(evaluator.batch_size), hidden.split(evaluator.batch_size), strict=True)
    for tokens_B1hw, hidden_Bhw in tqdm(list(batches), desc="I2I likelihood of the truth", leave=False):
        none = none_text(transformer.config, len(tokens_B1hw), transformer.device)
        known = ~hidden_Bhw[:, None].to(transformer.device)
        log_likelihood = token_log_likelihood(
            transformer,
            tokens_B1hw.to(transformer.device),
            none,
            known_mask=known,
            condition_on_known=condition_on_known,
        )
        total -= log_likelihood.sum().item()
    return total / hidden.sum().item()


def judge_video_prediction(evaluator: TaskEvaluator) -> dict[str, Table]:
    """V2V: clips continued from their first frames, in both ways, compared with repeating the last given frame.

    Args:
        evaluator (`TaskEvaluator`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for each number of given frames, with the scores of clips and `psnr`, that of the
        predicted frames against the truth.
    """
    real, num_frames = evaluator.real, evaluator.real.clips.shape[1]
    tables = {}
    for given in (count for count in GIVEN_FRAMES if count < num_frames):
        first = real.clips[:, :given]
        shown = {"real": real.clips, "codec": torch.cat([first, evaluator.coded[:, given:]], dim=1)}
        name = "1 frame given" if given == 1 else f"{given} frames given"
        for way, condition_on_known in WAYS.items():
            shown[way] = evaluator.run(
                "V2V",
                {"video": first},
                f"{name}, {way}",
                num_frames=num_frames,
                condition_on_known=condition_on_known,
            )
        shown["last frame repeated"] = torch.cat(
            [first, first[:, -1:].expand(-1, num_frames - given, -1, -1, -1)], dim=1
        )
        table = {row: evaluator.score_clips(clips) for row, clips in shown.items()}
        for row in shown.keys() - {"real"}:
            table[row]["psnr"] = psnr(shown[row][:, given:], real.clips[:, given:]).item()
        table["chance"] = evaluator.score_chance(("object", "background", "motion", "object_and_motion"))
        tables[name] = table
    return tables
