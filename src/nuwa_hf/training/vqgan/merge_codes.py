# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Merge codes that mean nearly the same: `nuwa-hf merge-codes`.

A codebook whose dead codes are revived ends up with many codes for what is frequent, such as a plain background. Which
of them a place gets is noise: the transformer has to predict it, and the picture does not depend on it. Average
linkage joins the two clusters of codes that are nearest on average until `codebook_size` clusters are left. A
cluster's code is the mean of its codes, weighted by how often each is used. A code unlike all others is kept, however
rare.

Legend: V codes before, W codes after, D width of a code.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm.auto import tqdm
from transformers import HfArgumentParser

from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.other_codes import transformer_with_codes, vqgan_with_codes
from nuwa_hf.pipelines.learnt import is_other_codec
from nuwa_hf.storage.whole_folders import save_aside
from nuwa_hf.training.run.next_commands import after_vqgan, log_next
from nuwa_hf.training.run.run_arguments import argument, argument_parser, parse_arguments, require
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata
from nuwa_hf.training.tokens.token_origin import codec_fingerprint


logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class MergeArguments:
    """The arguments of `nuwa-hf merge-codes`.

    Raises:
        ValueError: If a value breaks its rule.
    """

    vqgan: str = argument(help="Folder of the trained VQ-GAN.")
    tokens: str = argument(help="Folder of token files made with it: how often each code is used.")
    output_dir: str = argument(help="Where `vqgan`, and `transformer` if one is given, are written.")
    codebook_size: int = argument(256, help="How many codes are left.")
    transformer: str | None = argument(None, help="A transformer on these codes, to be taken along.")

    def __post_init__(self):
        require(self.codebook_size > 0, "codebook_size", "at least 1", self.codebook_size, "the default is 256")


def average_linkage(codes: torch.Tensor, num_clusters: int) -> torch.Tensor:
    """Clusters of codes by average linkage (UPGMA) on Euclidean distances.

    Args:
        codes (`torch.Tensor` of shape `(V, D)`): the codes.
        num_clusters (`int`): W, from 1 to V.

    Returns:
        `torch.LongTensor` of shape `(V,)`: each code's cluster in [0, W), numbered by their first codes.

    Raises:
        ValueError: If `num_clusters` is out of range.
    """
    count = len(codes)
    if not 1 <= num_clusters <= count:
        raise ValueError(f"`num_clusters` must be from 1 to {count}, the number of codes, got {num_clusters}.")
    distances = torch.cdist(codes.double(), codes.double())
    distances.fill_diagonal_(torch.inf)
    nearest = distances.amin(1)  # of each row: looking at all V^2 distances for each merge would take V^3 time
    sizes = torch.ones(count, dtype=torch.float64)
    members = torch.arange(count)
    for _ in tqdm(range(count - num_clusters), desc="Merging", unit="code"):
        row = int(nearest.argmin())
        kept, gone = sorted((row, int(distances[row].argmin())))
        merged = (sizes[kept] * distances[kept] + sizes[gone] * distances[gone]) / (sizes[kept] + sizes[gone])
        merged[[kept, gone]] = torch.inf
        lost = (torch.minimum(distances[:, kept], distances[:, gone]) == nearest) & nearest.isfinite()
        distances[kept], distances[:, kept] = merged, merged
        distances[gone], distances[:, gone] = torch.inf, torch.inf
        nearest = torch.minimum(nearest, distances[:, kept])
        lost[kept], lost[gone], nearest[gone] = True, False, torch.inf
        nearest[lost] = distances[lost].amin(1)
        sizes[kept] += sizes[gone]
        members[members == gone] = kept
    return torch.unique(members, return_inverse=True)[1]


def cluster_means(rows: torch.Tensor, clusters: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Weighted means of the rows of each cluster.

    Args:
        rows (`torch.Tensor` of shape `(V, D)`): one row for each code.
        clusters (`torch.LongTensor` of shape `(V,)`): each code's cluster in [0, W).
        counts (`torch.Tensor` of shape `(V,)`): how often each code is used, to which 1 is added.

    Returns:
        `torch.Tensor` of shape `(W, D)`: in the rows' dtype.
    """
    weights = (counts.double() + 1)[:, None]
    sums = torch.zeros(int(clusters.max()) + 1, rows.shape[1], dtype=torch.float64)
    totals = torch.zeros(len(sums), 1, dtype=torch.float64)
    sums.index_add_(0, clusters, rows.double() * weights)
    totals.index_add_(0, clusters, weights)
    return (sums / totals).to(rows.dtype)


@torch.no_grad()
def merge_vqgan(vqgan: NuwaVQGAN, clusters: torch.Tensor, counts: torch.Tensor) -> NuwaVQGAN:
    """The same codec with one code for each cluster.

    Args:
        vqgan (`NuwaVQGAN`): the codec; not changed.
        clusters (`torch.LongTensor` of shape `(V,)`): each code's cluster in [0, W).
        counts (`torch.Tensor` of shape `(V,)`): how often each code is used.

    Returns:
        `NuwaVQGAN`: with `codebook_size` W.
    """
    return vqgan_with_codes(vqgan, cluster_means(vqgan.quantize.codebook(), clusters, counts))


@torch.no_grad()
def merge_transformer(
    transformer: NuwaForConditionalGeneration, clusters: torch.Tensor, counts: torch.Tensor
) -> NuwaForConditionalGeneration:
    """The same transformer with one embedding and one row of the head for each cluster.

    It is a starting point for further training, not an equivalent model: the probability of a cluster is not the sum
    over its codes. Its configuration has no digest of the codec, which is another one now.

    Args:
        transformer (`NuwaForConditionalGeneration`): a transformer of the codes before; not changed.
        clusters (`torch.LongTensor` of shape `(V,)`): each code's cluster in [0, W).
        counts (`torch.Tensor` of shape `(V,)`): how often each code is used.

    Returns:
        `NuwaForConditionalGeneration`: with `codebook_size` W.
    """
    return transformer_with_codes(
        transformer, int(clusters.max()) + 1, lambda rows, _: cluster_means(rows, clusters, counts)
    )


def build_parser() -> HfArgumentParser:
    """The command's arguments."""
    return argument_parser(MergeArguments, "merge-codes", "Join codes of a codec that say nearly the same.")


def main(argv: Sequence[str] | None = None) -> None:
    """Merge codes and write the new codec, and transformer if one is given.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `MergeArguments`; by default those of the process.

    Raises:
        ValueError: If an argument is wrong, or tokens or transformer are of another codec.
    """
    arguments = parse_arguments(MergeArguments, argv, build_parser())
    vqgan = NuwaVQGAN.from_pretrained(arguments.vqgan)
    kind = vqgan.config.quantizer
    require(kind == "nearest", "vqgan", "one with the quantizer 'nearest'", kind, "only learnt codes can be merged")
    before = vqgan.config.codebook_size
    require(
        arguments.codebook_size <= before, "codebook_size", f"at most {before}", arguments.codebook_size, "use fewer"
    )
    tokens = TokenFiles.load(arguments.tokens).video_tokens
    _, highest = tokens.bounds()
    require(
        highest < before, "tokens", f"made with this codec of {before} codes", f"token {highest}", "make them again"
    )
    own, origin = codec_fingerprint(vqgan), read_metadata(Path(arguments.tokens))
    is_own = origin.get("codec", own) == own  # other programs may not say it
    require(is_own, "tokens", "made with `vqgan`", "tokens of another codec", "give its own, or make them again")
    transformer = None
    if arguments.transformer is not None:
        transformer = NuwaForConditionalGeneration.from_pretrained(arguments.transformer, dtype=torch.float32)
        is_float = transformer.head.weight.is_floating_point()
        require(is_float, "transformer", "one with weights in floating point", "a quantised one", "merge its original")
        theirs = transformer.config.codebook_size
        require(
            theirs == before,
            "transformer",
            f"one on {before} codes",
            f"{theirs} codes",
            "give the one trained on them",
        )
        is_other, rule = is_other_codec("vqgan", vqgan, transformer), "one that learnt the tokens of `vqgan`"
        require(not is_other, "transformer", rule, "one of another codec", "give the one trained on them")
    counts = sum(torch.bincount(block.flatten(), minlength=before) for block in tokens.blocks())
    clusters = average_linkage(vqgan.quantize.codebook(), arguments.codebook_size)
    folder = Path(arguments.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    merged = merge_vqgan(vqgan, clusters, counts)
    save_aside(folder / "vqgan", merged.save_pretrained)
    if transformer is not None:
        transformer = merge_transformer(transformer, clusters, counts)
        transformer.config.vqgan_digest = codec_digest(merged)
        save_aside(folder / "transformer", transformer.save_pretrained)
    logger.info("%d of %d codes are left; the result is in %s.", arguments.codebook_size, before, folder)
    data = {"dataset": origin.get("dataset"), "split": origin.get("dataset_split", "train")}
    log_next(after_vqgan(folder / "vqgan", **data, is_of_sketches=False))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
