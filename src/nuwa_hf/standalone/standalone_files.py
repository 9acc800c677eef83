# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a checkpoint's folder needs so that `trust_remote_code=True` loads it without nuwa_hf.

diffusers looks for a pipeline's class in a file beside `model_index.json`, and for a component's class in a file of
its folder, of which it downloads no other code. transformers looks beside the repository's `README.md`, also for a
model in a subfolder. So the code is one file at the top, and each folder of a component has a small one that refers to
it: the pipeline, which is loaded first, has made nuwa_hf importable by then.
"""

import json
from pathlib import Path
from typing import Any

from nuwa_hf.standalone.needed_modules import ROOT
from nuwa_hf.standalone.one_file import one_file
from nuwa_hf.storage.folder_contents import MARKER_FILES, checkpoint_kind, components_of
from nuwa_hf.storage.local_checkpoint import EMPTY, read_json


CODE = "nuwa_hf_standalone"  # the module at the top
COMPONENT_CODE = "nuwa_hf_component"  # the module in each component's folder
# The same in all folders: diffusers copies them over each other.
COMPONENT_FILE = f"""# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
# A component's class: of the installed {ROOT}, or of the copy that the pipeline's `{CODE}.py` brings.
import {ROOT}  # not there? load the pipeline rather than this component alone, or `pip install {ROOT}`


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr({ROOT}, name)
"""
LIBRARIES = (ROOT, COMPONENT_CODE, "diffusers", "transformers")
CONFIGURATIONS = ("config.json", "tokenizer_config.json", "processor_config.json")
# By an entry of the configuration, as it stands there without code.
AUTO_MAPS: dict[tuple[str, str], dict[str, Any]] = {
    ("model_type", "nuwa"): {
        "AutoConfig": f"{CODE}.NuwaConfig",
        "AutoModel": f"{CODE}.NuwaModel",
        "AutoModelForSeq2SeqLM": f"{CODE}.NuwaForConditionalGeneration",
    },
    ("_class_name", "NuwaVQGAN"): {"AutoModel": f"{CODE}.NuwaVQGAN"},
    # transformers reads two: a slow tokenizer, which we have not, and a fast one.
    ("tokenizer_class", "NuwaTokenizer"): {"AutoTokenizer": [None, f"{CODE}.NuwaTokenizer"]},
    ("processor_class", "NuwaProcessor"): {"AutoProcessor": f"{CODE}.NuwaProcessor"},
}


def standalone_files(folder: Path) -> dict[str, str]:
    """The files that a folder needs beside those it has, or in their place.

    Args:
        folder (`Path`): where `save_pretrained` wrote a pipeline, a model, a codec, a tokenizer or a processor.

    Returns:
        `dict[str, str]`: path in the folder to text.

    Raises:
        ValueError: If the folder holds something that code of ours does not load, such as an adapter.
        OSError: If it is incomplete.
    """
    kind = checkpoint_kind(folder)
    if kind == "adapter":
        raise ValueError(
            f"`standalone` must be asked of a pipeline, a model or a tokenizer, got the adapter {str(folder)!r}; PEFT "
            "loads it, onto a base model that can be standalone."
        )
    files = {f"{CODE}.py": one_file()}
    maps = _auto_maps(folder)
    if kind == "pipeline":
        index = read_json(folder / MARKER_FILES[kind])
        components = components_of(index)
        ours = [name for name, value in components.items() if _is_ours(name, value)]
        pipeline = plain_configuration(index)["_class_name"]
        classes = {name: [COMPONENT_CODE, components[name][1]] for name in ours}
        files[MARKER_FILES[kind]] = _json({**index, "_class_name": [CODE, pipeline], **classes})
        files |= {f"{name}/{COMPONENT_CODE}.py": COMPONENT_FILE for name in ours}
        # A codec of a pipeline is not among them: the AutoModel of diffusers looks into `model_index.json` alone then.
        of_parts = {f"{part}/{file}": value for part in ours for file, value in _auto_maps(folder / part).items()}
        maps |= {name: value for name, value in of_parts.items() if value != AUTO_MAPS["_class_name", "NuwaVQGAN"]}
    elif not maps:
        raise ValueError(
            f"`standalone` must be asked of a class of nuwa_hf, got {str(folder)!r}, which is of another library; it "
            "loads without code of ours."
        )
    return files | {name: _json({**read_json(folder / name), "auto_map": value}) for name, value in maps.items()}


def write_standalone(folder: Path) -> None:
    """Make a folder loadable without nuwa_hf.

    Args:
        folder (`Path`): as for `standalone_files`.

    Raises:
        ValueError: As `standalone_files`.
        OSError: As `standalone_files`, or if a file cannot be written.
    """
    for name, text in standalone_files(folder).items():
        _write(folder / name, text)


def write_plain(folder: Path) -> None:
    """Take out of a model's or tokenizer's folder what it was loaded with: an `auto_map` to code that is not there.

    Args:
        folder (`Path`): where `save_pretrained` wrote.
    """
    for name in CONFIGURATIONS:
        if (folder / name).is_file():
            configuration = read_json(folder / name)
            if (plain := plain_configuration(configuration)) != configuration:
                _write(folder / name, _json(plain))


def plain_configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what `standalone_files` wrote into it.

    Args:
        configuration (`dict`): a `model_index.json` or a `config.json`.

    Returns:
        `dict`: the same with the names of classes in nuwa_hf, and without an `auto_map` to the code of ours.
    """
    plain = {name: _plain_class(value) for name, value in configuration.items()}
    if _is_our_map(plain.get("auto_map")):
        del plain["auto_map"]
    return plain


def _plain_class(value: Any) -> Any:
    match value:
        case [str(module), str(name)] if module == CODE:
            return name
        case [str(module), str(name)] if module == COMPONENT_CODE:
            return [ROOT, name]
    return value


def _is_our_map(auto_map: Any) -> bool:
    return isinstance(auto_map, dict) and CODE in str(auto_map)


def _is_ours(component: str, value: list) -> bool:
    """Whether a component's class is one of nuwa_hf."""
    if value == EMPTY:
        return False
    library = value[0]
    if library not in LIBRARIES:
        raise ValueError(
            f"`standalone` must be asked of a pipeline whose parts are of nuwa_hf, diffusers or transformers, got "
            f"`{component}` of {library}, whose code cannot be copied."
        )
    return library in (ROOT, COMPONENT_CODE)


def _auto_maps(folder: Path) -> dict[str, dict[str, Any]]:
    """The `auto_map` of each configuration in a folder that an Auto class reads and that is of a class of ours."""
    maps = {}
    for name in CONFIGURATIONS:
        entries = read_json(folder / name).items() if (folder / name).is_file() else ()
        maps[name] = {}
        for entry in [entry for entry in AUTO_MAPS if entry in entries]:
            maps[name] |= AUTO_MAPS[entry]
    return {name: classes for name, classes in maps.items() if classes}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.incomplete")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
