# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Make a NUWA transformer that reads its texts with a pretrained CLIP text model, together with CLIP's tokenizer."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPTextModel, CLIPTokenizer

from nuwa_hf.conversion.script import FAILED, ConversionScript, build_parser, run_conversion
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.storage.find_checkpoint import download_files
from nuwa_hf.storage.local_checkpoint import is_local_path
from nuwa_hf.tasks import TASKS


logger = logging.getLogger(__name__)

SIZES = ("codebook_size", "sketch_codebook_size", "visual_grid")
DEFAULT_PRESET = "nuwa-336"
TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # one of these sets
# Weights that only the texts use; those of a given transformer are dropped.
TEXT_PREFIXES = ("model.text_embeddings.", "model.text_encoder.")
TEXT_TASKS = tuple(task.abbreviation for task in TASKS if task.condition == "text")
PROBES = ["", "a photo of a cat", "Two birds rise over the sea, and 3 ships pass beneath them at dawn! " * 8]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the script's own options.

    Args:
        parser (`argparse.ArgumentParser`): changed in place.
    """
    parser.add_argument("--transformer", metavar="FOLDER", help="a NUWA transformer that gets the text model")
    parser.add_argument("--preset", choices=PRESETS, help=f"sizes of a fresh transformer (default {DEFAULT_PRESET})")
    parser.add_argument("--codebook_size", type=int, help="codes of its VQ-GAN, instead of the preset's")
    parser.add_argument("--sketch_codebook_size", type=int, help="codes of its VQ-GAN of sketches, likewise")
    parser.add_argument("--visual_grid", type=int, nargs=3, metavar=("T", "H", "W"), help="its positions, likewise")
    parser.add_argument("--seed", type=int, default=0, help="seed of the fresh weights (default 0)")


def check(arguments: argparse.Namespace) -> None:
    """Refuse sizes together with a given transformer, which has its own.

    Args:
        arguments (`argparse.Namespace`): the command line.

    Raises:
        ValueError: If sizes and a transformer are both given.
    """
    given = [name for name in ("preset", *SIZES) if getattr(arguments, name) is not None]
    if arguments.transformer is not None and given:
        options = ", ".join(f"`--{name}`" for name in given)
        raise ValueError(f"`--transformer` must stand without {options}, got both; it has its own sizes.")


def convert(arguments: argparse.Namespace, folder: Path) -> None:
    """Write the transformer and the tokenizer into one folder.

    Args:
        arguments (`argparse.Namespace`): the command line.
        folder (`Path`): where to write them.

    Raises:
        ValueError: If weights of the text model are missing, or tokenizer and model do not fit together.
    """
    clip, tokenizer = load_clip(arguments.input)
    text = text_fields(clip, tokenizer)
    torch.manual_seed(arguments.seed)
    if arguments.transformer is None:
        sizes = {name: getattr(arguments, name) for name in SIZES if getattr(arguments, name) is not None}
        config = NuwaConfig.from_preset(arguments.preset or DEFAULT_PRESET, **sizes, **text)
        model, dtype = NuwaForConditionalGeneration(config), clip.dtype
    else:
        given = NuwaForConditionalGeneration.from_pretrained(arguments.transformer)
        model, dtype = with_text_side(given, text), torch.promote_types(clip.dtype, given.dtype)
    model.model.text_encoder.clip.load_state_dict(clip.state_dict())
    model = model.to(arguments.dtype or dtype)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load_clip(folder: Path) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """Load the text model and the tokenizer of a CLIP.

    Args:
        folder (`Path`): a whole CLIP, or its text model with or without the projection. Pickles never run code.

    Returns:
        `tuple[CLIPTextModel, CLIPTokenizer]`.

    Raises:
        ValueError: If weights are missing, or if the tokenizer does not fit the model.
        OSError: If a file is missing.
    """
    clip, report = CLIPTextModel.from_pretrained(folder, dtype="auto", output_loading_info=True)
    if report["missing_keys"]:
        raise ValueError(f"`INPUT` must hold a CLIP text model, but {folder} lacks {sorted(report['missing_keys'])}.")
    # Without its files, `from_pretrained` would return a tokenizer that knows no words.
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZER_FILES):
        raise ValueError(f"`INPUT` must hold CLIP's tokenizer beside the weights, but {folder} has no tokenizer.json.")
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    if len(tokenizer) > clip.config.vocab_size:
        raise ValueError(
            f"the tokenizer of `INPUT` must have at most the {clip.config.vocab_size} tokens of its text model, got "
            f"{len(tokenizer)}."
        )
    tokenizer.model_max_length = min(tokenizer.model_max_length, clip.config.max_position_embeddings)
    return clip.eval(), tokenizer


def text_fields(clip: CLIPTextModel, tokenizer: CLIPTokenizer) -> dict[str, Any]:
    """The fields of a `NuwaConfig` that say how texts are read.

    The special tokens come from the tokenizer, because the configurations of the first CLIPs hold different ones.

    Args:
        clip (`CLIPTextModel`): the text model.
        tokenizer (`CLIPTokenizer`): its tokenizer.

    Returns:
        `dict[str, Any]`: fields and values.
    """
    return {
        "text_encoder_config": clip.config.to_dict(),
        "vocab_size": clip.config.vocab_size,
        "max_text_length": tokenizer.model_max_length,
        "pad_token_id": tokenizer.pad_token_id,
        "none_token_id": tuple(tokenizer("").input_ids),
    }


def with_text_side(model: NuwaForConditionalGeneration, text: dict[str, Any]) -> NuwaForConditionalGeneration:
    """Make a transformer with the weights of another one, except for those that only the texts use.

    It has not learnt the tasks that read a text, since its text side is new.

    Args:
        model (`NuwaForConditionalGeneration`): the other one.
        text (`dict[str, Any]`): fields of the configuration, as `text_fields` returns them.

    Returns:
        `NuwaForConditionalGeneration`: with a CLIP text model that still has fresh weights.

    Raises:
        ValueError: If the weights do not match the configuration.
    """
    config = NuwaConfig.from_dict({**model.config.to_dict(), **text})
    if config.learnt_tasks is not None:
        config.learnt_tasks = tuple(task for task in config.learnt_tasks if task not in TEXT_TASKS)
    changed = NuwaForConditionalGeneration(config)
    kept = {name: weight for name, weight in model.state_dict().items() if not name.startswith(TEXT_PREFIXES)}
    missing, unexpected = changed.load_state_dict(kept, strict=False)
    strange = [name for name in missing if not name.startswith(TEXT_PREFIXES)] + unexpected
    if strange:
        raise ValueError(f"`--transformer` must have the weights of its configuration, but these differ: {strange}.")
    changed.generation_config = model.generation_config
    return changed


@torch.no_grad()
def verify(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare the source and the result on a few texts.

    Args:
        arguments (`argparse.Namespace`): the command line.
        folder (`Path`): what `convert` wrote.

    Returns:
        `str`: what was found to be equal.

    Raises:
        ValueError: If tokens or hidden states differ in a single bit.
    """
    clip, source_tokenizer = load_clip(arguments.input)
    model = NuwaForConditionalGeneration.from_pretrained(folder).eval()
    clip = clip.to(model.dtype)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    inputs, expected_inputs = tokenizer(PROBES, **options), source_tokenizer(PROBES, **options)
    if not all(torch.equal(inputs[name], expected_inputs[name]) for name in expected_inputs):
        raise ValueError("the written tokenizer must write the same tokens as that of `INPUT`, but they differ.")
    expected = clip(**expected_inputs).last_hidden_state
    text_encoder = model.model.text_encoder
    found = text_encoder.clip(inputs["input_ids"], attention_mask=inputs["attention_mask"].bool()).last_hidden_state
    condition = model.model.encode_text(**inputs).hidden_states
    if not (torch.equal(found, expected) and torch.equal(condition, text_encoder.projection(expected))):
        raise ValueError("the written text model must give the hidden states of `INPUT` to the bit, but they differ.")
    return f"tokens and hidden states of {len(PROBES)} texts are equal to the bit"


def download(repo_id: str) -> Path:
    """Download the needed files of a repository on the Hub; where it cannot be asked, what is in the cache will do.

    Args:
        repo_id (`str`): the repository.

    Returns:
        `Path`: the folder in the cache. Its weights are .safetensors if the repository has them.

    Raises:
        OSError: If it cannot be downloaded.
    """
    # By their names: the files of OpenCLIP, which may lie beside them, are as large again and of no use here.
    files, weights = ["*.json", "*.txt"], "model*.safetensors"
    folder = download_files(repo_id, [*files, weights])
    return folder if any(folder.glob(weights)) else download_files(repo_id, [*files, "pytorch_model*.bin"])


SCRIPT = ConversionScript(
    description=f"{__doc__}\n\nINPUT may also be the id of a repository on the Hub.",
    example=(
        "python conversion_scripts/init_text_encoder_from_clip.py openai/clip-vit-base-patch32 runs/clip-start \\\n"
        "      --preset nuwa-256 --codebook_size 1024 --verify"
    ),
    convert=convert,
    verify=verify,
    check=check,
    add_arguments=add_arguments,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; the process's own when None.

    Returns:
        `int`: the exit status.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    name = build_parser(SCRIPT).parse_args(argv).input.as_posix()  # an id has slashes on Windows too
    if "/" in name and not is_local_path(name):
        try:
            folder = str(download(name))
        except (OSError, ValueError) as error:
            logger.error("error: %s", " ".join(str(error).split()))
            return FAILED
        argv = [folder if Path(word).as_posix() == name else word for word in argv]
    return run_conversion(SCRIPT, argv)


if __name__ == "__main__":
    sys.exit(main())
