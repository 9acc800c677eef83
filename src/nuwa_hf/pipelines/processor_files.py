# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files of a `NuwaProcessor`: those that it writes beside a model, and those of a pipeline's checkpoint."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.sampling_arguments import no_such_argument
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.storage.find_checkpoint import with_settings


SETTINGS_FILE, INDEX_FILE = "processor_config.json", "model_index.json"
CODECS = ("vqgan", "sketch_vqgan")
HUB_ARGUMENTS = ("revision", "token", "cache_dir", "force_download", "local_files_only")


def write_processor_of_pipeline(folder: str | os.PathLike) -> None:
    """Let `AutoProcessor` find the processor of a pipeline, whose parts all lie in the pipeline's own folders.

    Args:
        folder (`str` or `os.PathLike`): the pipeline's.

    Raises:
        OSError: If the file cannot be written.
    """
    path = Path(folder) / SETTINGS_FILE
    aside = path.with_name(f".{path.name}.incomplete")
    aside.write_text(json.dumps({"processor_class": "NuwaProcessor"}, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def load_parts(name_or_path: str, settings: Sequence[str], **given: Any) -> dict[str, Any]:
    """The arguments of `NuwaProcessor` from a folder or the Hub.

    Args:
        name_or_path (`str`): a folder, or the id of a repository on the Hub.
        settings (`Sequence[str]`): names of the settings.
        **given: components in place of saved ones, the `subfolder` where all lies, the `variant` of the codecs, and
            arguments for the Hub.

    Returns:
        `dict[str, Any]`: components and settings.

    Raises:
        OSError: If there is no processor and no pipeline.
        TypeError: If there is no such argument.
    """
    parts = {name: given.pop(name) for name in ("tokenizer", *CODECS) if name in given}
    variant, subfolder = given.pop("variant", None), given.pop("subfolder", None) or ""
    hub = {name: given.pop(name) for name in HUB_ARGUMENTS if name in given}
    for private in ("_from_auto", "trust_remote_code", "code_revision", "config"):  # of AutoProcessor
        given.pop(private, None)
    if given:
        raise no_such_argument(next(iter(given)), ("tokenizer", *CODECS, "subfolder", "variant", *HUB_ARGUMENTS))

    def place(folder: str) -> str:
        return "/".join(filter(None, (subfolder, folder)))

    found = with_settings(name_or_path, (SETTINGS_FILE, INDEX_FILE), {**hub, "subfolder": subfolder})
    hub = {name: found[name] for name in HUB_ARGUMENTS if name in found}
    saved = _read_json(name_or_path, SETTINGS_FILE, subfolder=subfolder, **hub)
    if saved is not None and "codecs" in saved:  # a pipeline's own names no more than the class
        codecs, folder = saved["codecs"], ""
    else:
        index = _read_json(name_or_path, INDEX_FILE, subfolder=subfolder, **hub)
        if index is None:
            where = f"`{name_or_path}`" + (f", subfolder {subfolder!r}," if subfolder else "")
            raise OSError(
                f"{where} must hold a processor ({SETTINGS_FILE}) or a pipeline ({INDEX_FILE}); neither is there. "
                "Give what holds one, or its `subfolder`."
            )
        codecs, folder = [name for name in CODECS if (index.get(name) or [None])[0] is not None], "tokenizer"
        saved = NuwaConfig.from_pretrained(name_or_path, subfolder=place("transformer"), **hub).to_dict()
    if "tokenizer" not in parts:
        parts["tokenizer"] = load_text_tokenizer(name_or_path, place(folder), **hub)
    for name in codecs:
        if name not in parts:
            parts[name] = load_codec(name_or_path, place(name), variant=variant, **hub)
    return parts | {name: _tuples(saved[name]) for name in settings}


def _read_json(name_or_path: str, file: str, **hub: Any) -> dict[str, Any] | None:
    path = cached_file(name_or_path, file, _raise_exceptions_for_missing_entries=False, **hub)
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
