# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the training of a transformer starts from: codecs, text tokenizer, and where the transformer is."""

from dataclasses import dataclass
from pathlib import Path

from diffusers import ModelMixin
from transformers import CLIPTokenizer

from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.storage.find_checkpoint import find_checkpoint, find_codecs, find_part
from nuwa_hf.storage.local_checkpoint import check_checkpoint_folder, is_local_path
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments


@dataclass(frozen=True)
class Components:
    """The codecs and the text tokenizer of a run, and the transformer that it starts from.

    Args:
        vqgan (`ModelMixin`): the codec that made the tokens.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer that made them.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches that made them.
        transformer (`str`, *optional*): folder or Hub id of the transformer to start from; None for a fresh one.
        subfolder (`str`, defaults to `""`): the transformer's folder in it.
    """

    vqgan: ModelMixin
    tokenizer: NuwaTokenizer | CLIPTokenizer
    sketch_vqgan: ModelMixin | None = None
    transformer: str | None = None
    subfolder: str = ""

    @property
    def for_pipeline(self) -> dict[str, ModelMixin | NuwaTokenizer | CLIPTokenizer | None]:
        """Codecs and tokenizer under the names that the pipelines give them."""
        return {"vqgan": self.vqgan, "tokenizer": self.tokenizer, "sketch_vqgan": self.sketch_vqgan}

    @property
    def codecs(self) -> dict[str, ModelMixin]:
        """The codecs that there are, under the same names."""
        both = {"vqgan": self.vqgan, "sketch_vqgan": self.sketch_vqgan}
        return {name: codec for name, codec in both.items() if codec is not None}

    def config_of_transformer(self) -> NuwaConfig | None:
        """The sizes of the transformer to start from, or None.

        Raises:
            OSError: If it is missing.
        """
        if self.transformer is None:
            return None
        return NuwaConfig.from_pretrained(self.transformer, subfolder=self.subfolder)


def load_components(arguments: NuwaArguments) -> Components:
    """Load what the arguments name: a whole checkpoint, single components, or a checkpoint with some of them replaced.

    Args:
        arguments (`NuwaArguments`): the names.

    Returns:
        `Components`.

    Raises:
        OSError: If one is missing.
    """
    transformer, subfolder = find_start(arguments)
    parts = {name: getattr(arguments, name) for name in ("vqgan", "tokenizer", "sketch_vqgan")}
    folders = find_codecs(arguments.checkpoint, **parts)
    return Components(
        load_codec(folders["vqgan"]),
        load_text_tokenizer(folders["tokenizer"]),
        None if folders["sketch_vqgan"] is None else load_codec(folders["sketch_vqgan"]),
        transformer,
        subfolder,
    )


def find_start(arguments: NuwaArguments) -> tuple[str | None, str]:
    """Where the transformer to start from is: the one that is named, else that of the checkpoint.

    Args:
        arguments (`NuwaArguments`): the names.

    Returns:
        `tuple[str | None, str]`: a folder or a Hub id, which a finished model names as its base, and the folder in it;
        None and `""` for a fresh transformer.

    Raises:
        OSError: If it is missing.
    """
    if arguments.transformer is not None:
        return find_part(arguments.transformer, "transformer"), ""
    if arguments.checkpoint is None:
        return None, ""
    checkpoint = find_checkpoint(arguments.checkpoint)
    if is_local_path(checkpoint):
        check_checkpoint_folder(Path(checkpoint), ["transformer"])
    return checkpoint, "transformer"
