# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tasks that go on from a known part without a text, judged: image completion and video prediction.

Shapes: B samples, T frames, h, w token rows and columns, Y, X pixel rows and columns.
"""

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.evaluation.tasks.hidden_places import hidden_places, seam, to_pixels
from nuwa_hf.evaluation.tasks.task_evaluator import Table, Trial
from nuwa_hf.metrics.distances import psnr
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.text_ids import none_text


# Whether what is kept is a condition too, so that every hole sees all that is kept around it.
WAYS = {"known part as condition": True, "the paper's way": False}
HIDDEN_KINDS = ("half", "centre", "five_percent_kept", "five_percent_hidden")
GIVEN_FRAMES = (1, 2)


def judge_image_completion(trial: Trial) -> dict[str, Table]:
    """I2I: stills of which a part is hidden, in both ways.

    Args:
        trial (`Trial`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for each kind of `hidden_places`, with `nats` (mean negative log-likelihood of a
        hidden token of the truth, given all that comes before it; by chance, that of a uniform guess), `object`,
        `background` and `seam`. The row `codec` has the codec's picture of the truth in the hidden part.
    """
    real, codec = trial.real, trial.pipeline.codec
    images, coded = real.stills(real.clips), real.stills(trial.coded)
    _, height, width = trial.pipeline.transformer.config.visual_grid
    tokens = encode(trial, images)
    tables = {}
    for kind in HIDDEN_KINDS:
        hidden = hidden_places(kind, len(real), height, width, trial.seed)
        masks = to_pixels(hidden, codec.spatial_factor)
        shown = {"real": images, "codec": torch.where(masks[:, None], coded, images)}
        nats = {"chance": math.log(codec.codebook_size)}
        for way, condition_on_known in WAYS.items():
            nats[way] = nats_of_hidden(trial, tokens, hidden, condition_on_known)
            shown[way] = trial.run(
                "I2I", {"image": images, "mask": masks}, f"{kind}, {way}", condition_on_known=condition_on_known
            )
        table = {}
        for row, pixels in shown.items():
            table[row] = {"nats": nats[row]} if row in nats else {}
            table[row] |= trial.score_images(pixels) | {"seam": seam(pixels, masks)}
        chance = trial.score_chance(("object", "background"), real.image_truths)
        tables[kind] = table | {"chance": {"nats": nats["chance"]} | chance}
    return tables


@torch.inference_mode()
def encode(trial: Trial, images: Tensor) -> Tensor:
    """The tokens of whole images.

    Args:
        trial (`Trial`): the checkpoint.
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1].

    Returns:
        `torch.LongTensor` of shape `(B, 1, h, w)`.
    """
    codec = trial.pipeline.codec
    batches = images[:, :, None].split(trial.batch_size)
    return torch.cat([codec.encode(2 * batch.to(codec.device) - 1).tokens for batch in batches])


@torch.inference_mode()
def nats_of_hidden(trial: Trial, tokens: Tensor, hidden: Tensor, condition_on_known: bool) -> float:
    """How unlikely the checkpoint finds what is hidden.

        mean over the hidden places n of all images of -log p(y_n | y_(before n), known part)

    Args:
        trial (`Trial`): the checkpoint.
        tokens (`torch.LongTensor` of shape `(B, 1, h, w)`): the truth.
        hidden (`torch.BoolTensor` of shape `(B, h, w)`): True where hidden.
        condition_on_known (`bool`): whether the known part is a condition too.

    Returns:
        `float`: nats a token, at least 0.
    """
    transformer = trial.pipeline.transformer
    total = 0.0
    batches = zip(tokens.split(trial.batch_size), hidden.split(trial.batch_size), strict=True)
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


def judge_video_prediction(trial: Trial) -> dict[str, Table]:
    """V2V: clips continued from their first frames, in both ways, beside the last given frame repeated.

    Args:
        trial (`Trial`): the checkpoint and the samples.

    Returns:
        `dict[str, Table]`: a table for each number of given frames, with the scores of clips and `psnr`, that of the
        predicted frames against the truth.
    """
    real, num_frames = trial.real, trial.real.clips.shape[1]
    tables = {}
    for given in (count for count in GIVEN_FRAMES if count < num_frames):
        first = real.clips[:, :given]
        shown = {"real": real.clips, "codec": torch.cat([first, trial.coded[:, given:]], dim=1)}
        name = "1 frame given" if given == 1 else f"{given} frames given"
        for way, condition_on_known in WAYS.items():
            shown[way] = trial.run(
                "V2V",
                {"video": first},
                f"{name}, {way}",
                num_frames=num_frames,
                condition_on_known=condition_on_known,
            )
        shown["last frame repeated"] = torch.cat(
            [first, first[:, -1:].expand(-1, num_frames - given, -1, -1, -1)], dim=1
        )
        table = {row: trial.score_clips(clips) for row, clips in shown.items()}
        for row in shown.keys() - {"real"}:
            table[row]["psnr"] = psnr(shown[row][:, given:], real.clips[:, given:])
        table["chance"] = trial.score_chance(("object", "background", "motion", "object_and_motion"))
        tables[name] = table
    return tables
