# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Convert what maps of a VQGanVAE or a NUWA of nuwa-pytorch 0.7.8, and list every other tensor with the reason.

Neither model can be mapped as a whole, so nothing is written without --partial. With it, OUTPUT_DIR gets `vqgan` and
`transformer`, if the source has them, with fresh weights where nothing maps, and `conversion.json`, which says what
became of every tensor.
"""

import argparse
import json
import logging
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import torch

from nuwa_hf.conversion.nuwa_pytorch import convert_codec, convert_transformer, sort_names, split_models
from nuwa_hf.conversion.nuwa_pytorch_reference import compare_codec, compare_transformer
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.conversion.script import ConversionScript, run_conversion
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


logger = logging.getLogger(__name__)

FOLDERS = {"codec": "vqgan", "transformer": "transformer"}
REPORT = "conversion.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the script's own options."""
    parser.add_argument("--partial", action="store_true", help="write what maps, with fresh weights for the rest")
    parser.add_argument("--image_size", type=int, default=256, help="pixels of a side (default %(default)s)")
    parser.add_argument(
        "--text_length",
        type=int,
        default=77,
        help="length of texts if INPUT has rotary positions (default %(default)s)",
    )
    parser.add_argument(
        "--frame_rate", type=float, default=2.5, help="frames a second of the clips it learnt (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the fresh weights (default %(default)s)")


def convert(arguments: argparse.Namespace, folder: Path) -> None:
    """List what does not map, then write the rest."""
    models = split_models(read_checkpoint(arguments.input))
    found = {kind: sort_names(state, kind) for kind, state in models.items()}
    for kind, names in found.items():
        _list(FOLDERS[kind], names.unmapped)
    num_unmapped = sum(len(names.unmapped) for names in found.values())
    if num_unmapped and not arguments.partial:
        total = sum(len(state) for state in models.values())
        raise ValueError(
            f"`INPUT` must map as a whole, but {num_unmapped} of its {total} tensors do not, for the reasons above; "
            "`--partial` writes the others."
        )
    torch.manual_seed(arguments.seed)
    for kind, state in models.items():
        if kind == "codec":
            model = convert_codec(state, image_size=arguments.image_size, dtype=arguments.dtype)
        else:
            given = {name: getattr(arguments, name) for name in ("text_length", "frame_rate", "dtype")}
            model = convert_transformer(state, **given)
        model.save_pretrained(folder / FOLDERS[kind])
    report = {FOLDERS[kind]: asdict(names) for kind, names in found.items()}
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _list(part: str, unmapped: dict[str, str]) -> None:
    by_reason = defaultdict(list)
    for name, reasons in unmapped.items():
        by_reason[reasons].append(name)
    for reasons, names in by_reason.items():
        logger.info("Not mapped in %s (%s): %s", part, reasons, ", ".join(names))


@torch.no_grad()
def verify(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare every part that maps with the package's own code."""
    said = []
    for kind, state in split_models(read_checkpoint(arguments.input)).items():
        if kind == "codec":
            vqgan = NuwaVQGAN.from_pretrained(folder / FOLDERS[kind], torch_dtype=torch.float32)
            said.append(compare_codec(state, vqgan.eval(), arguments.dtype))
        else:
            model = NuwaForConditionalGeneration.from_pretrained(folder / FOLDERS[kind], dtype=torch.float32)
            said.append(compare_transformer(state, model.eval(), arguments.dtype))
    return "; ".join(said)


SCRIPT = ConversionScript(
    description=__doc__,
    example="python conversion_scripts/convert_nuwa_pytorch.py nuwa.pt runs/from-nuwa-pytorch --partial --verify",
    convert=convert,
    verify=verify,
    add_arguments=add_arguments,
    can_push=False,
)


if __name__ == "__main__":
    sys.exit(run_conversion(SCRIPT))
