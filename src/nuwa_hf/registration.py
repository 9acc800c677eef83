# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes transformers and diffusers know our classes, as soon as they are imported and no sooner.

Neither has an entry point for other packages: an Auto class, a `DiffusionPipeline` knows what has been written into
tables of theirs. To write into them, one must import them, which takes seconds and would make every `import nuwa_hf`
wait. So each table is filled when the module that holds it is imported, by whomever; at once if it is there already.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from nuwa_hf.after_import import AfterImport, Rule
from nuwa_hf.tasks import TASKS


LIBRARY = "nuwa_hf"
# Base classes of the pipelines' components. They and all that derive from them are attributes of the top package.
COMPONENT_BASES = ("NuwaVQGAN", "NuwaPreTrainedModel", "NuwaTokenizer")
# What a `_class_name` in a checkpoint may name: pipelines and diffusers models.
NAMED_IN_CHECKPOINTS = ("NuwaVQGAN", *(task.pipeline for task in TASKS))
# A pipeline downloads of a model's folder the weights, config.json and what this list of diffusers says: without it
# the sampling settings of the checkpoint are lost on the way.
SAMPLING_SETTINGS = "*/generation_config.json"


class NotYetImported(list):
    """A list of the one class of a module, imported when it is read.

    An Auto class has for some configurations a list of classes in place of a class. transformers imports its own
    Auto classes while it imports what our models derive from, so these cannot be imported at that time.

    Args:
        module (`str`): the module's name.
        name (`str`): the class's name.
    """

    def __init__(self, module: str, name: str):
        super().__init__()
        self.module = module
        self.name = name

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[type]:
        return iter([getattr(import_module(self.module), self.name)])

    def __getitem__(self, place: int | slice) -> Any:
        return list(self)[place]

    def __repr__(self) -> str:
        return f"[{self.module}.{self.name}]"

    def __reduce__(self) -> tuple:
        return type(self), (self.module, self.name)


def register_configuration() -> None:
    """Let `AutoConfig` read the `model_type` "nuwa"."""
    from transformers.models.auto.configuration_auto import AutoConfig

    from nuwa_hf.modeling.configuration_nuwa import NuwaConfig

    AutoConfig.register("nuwa", NuwaConfig, exist_ok=True)


def register_tokenizer() -> None:
    """Let `AutoTokenizer` load our tokenizer."""
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
    from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer

    AutoTokenizer.register(NuwaConfig, tokenizer_class=NuwaTokenizer, exist_ok=True)


def announce_models() -> None:
    """Let `AutoModel` and `AutoModelForSeq2SeqLM` import our models when they meet our configuration."""
    _register_models(partial(NotYetImported, "nuwa_hf.modeling.modeling_nuwa"))


def register_models() -> None:
    """Let `AutoModel` and `AutoModelForSeq2SeqLM` hold our models themselves, now that they are imported."""
    _register_models(partial(getattr, import_module("nuwa_hf.modeling.modeling_nuwa")))


def _register_models(value: Callable[[str], Any]) -> None:
    from transformers.models.auto.modeling_auto import AutoModel, AutoModelForSeq2SeqLM

    from nuwa_hf.modeling.configuration_nuwa import NuwaConfig

    AutoModel.register(NuwaConfig, value("NuwaModel"), exist_ok=True)
    AutoModelForSeq2SeqLM.register(NuwaConfig, value("NuwaForConditionalGeneration"), exist_ok=True)


def register_components() -> None:
    """Let diffusers save and load our components by `["nuwa_hf", class name]`, with their sampling settings.

    Without it `model_index.json` holds full module paths, which do not load from the Hub.
    """
    from diffusers.pipelines import pipeline_loading_utils
    from diffusers.utils import constants

    loadable = {name: ["save_pretrained", "from_pretrained"] for name in COMPONENT_BASES}
    pipeline_loading_utils.LOADABLE_CLASSES.setdefault(LIBRARY, {}).update(loadable)
    # diffusers made this flat copy of the table when it was imported.
    pipeline_loading_utils.ALL_IMPORTABLE_CLASSES.update(loadable)
    if SAMPLING_SETTINGS not in constants.TRANSFORMERS_COMPONENT_AUX_FILES:
        constants.TRANSFORMERS_COMPONENT_AUX_FILES.append(SAMPLING_SETTINGS)


def name_in_diffusers() -> None:
    """Let diffusers find in its own namespace, where it looks, our classes that a checkpoint may name.

    They are imported when they are asked for (PEP 562): while diffusers is imported they cannot be.
    """
    diffusers = sys.modules["diffusers"]  # not yet to be had by `import`: it has put another object in its place
    getter = getattr(diffusers, "__getattr__", None)
    if getattr(getter, "func", None) is not _ours_or:
        diffusers.__getattr__ = partial(_ours_or, getter)


def _ours_or(getter: Callable[[str], Any] | None, name: str) -> Any:
    if name in NAMED_IN_CHECKPOINTS:
        return getattr(sys.modules[LIBRARY], name)
    if getter is None:
        raise AttributeError(f"module 'diffusers' has no attribute {name!r}")
    return getter(name)


_CONFIGURATION = "nuwa_hf.modeling.configuration_nuwa"
_TOKENIZER = ("nuwa_hf.modeling.tokenization_nuwa", "transformers.models.clip.tokenization_clip")

# transformers imports its Auto classes at odd times, for one while it writes the docstring of a class. So the
# configuration and the tokenizer, which are imported here, hardly import more of transformers than the module of their
# Auto class has imported before.
AFTER_IMPORT = AfterImport(
    [
        Rule(register_configuration, "transformers.models.auto.configuration_auto", (_CONFIGURATION,)),
        Rule(register_tokenizer, "transformers.models.auto.tokenization_auto", (_CONFIGURATION, *_TOKENIZER)),
        Rule(announce_models, "transformers.models.auto.modeling_auto", (_CONFIGURATION,)),
        Rule(register_models, "nuwa_hf.modeling.modeling_nuwa"),
        Rule(name_in_diffusers, "diffusers"),
        Rule(register_components, "diffusers.pipelines.pipeline_loading_utils"),
    ]
)
