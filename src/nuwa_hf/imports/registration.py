# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes our classes known to transformers' Auto classes and to diffusers.

Neither library has entry points for other packages; both look classes up in tables in their own modules. Importing
those modules takes seconds, so `import nuwa_hf` does not import them. Instead each table is filled as soon as its
module has been imported, or at once if it has been imported before.

Filling a table imports none of our modules either. The table gets a placeholder that imports the class when it is
used, and the class itself once its module has been imported. So a broken installation of ours shows when our classes
are used, and never in somebody else's `import transformers`.
"""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from nuwa_hf.imports.after_import import AfterImport, Rule
from nuwa_hf.imports.lazy_classes import LazyClass, LazyClassList
from nuwa_hf.tasks import TASKS


LIBRARY = "nuwa_hf"
MODEL_TYPE = "nuwa"
# Base classes of the pipelines' components. They and all that derive from them are attributes of the top package.
COMPONENT_BASES = ("NuwaVQGAN", "NuwaPreTrainedModel", "NuwaTokenizer")
# What a `_class_name` in a checkpoint may name: pipelines and diffusers models.
NAMED_IN_CHECKPOINTS = ("NuwaVQGAN", *(task.pipeline for task in TASKS))
# A pipeline downloads the weights and config.json of a model's folder, and the files in this list of diffusers. The
# sampling settings of a checkpoint would be left behind otherwise.
SAMPLING_SETTINGS = "*/generation_config.json"

# diffusers' tables of what its AutoPipelines make of a checkpoint, and the pipeline that they are to find for ours.
AUTO_PIPELINES = {
    "AUTO_TEXT2IMAGE_PIPELINES_MAPPING": "T2I",
    "AUTO_INPAINT_PIPELINES_MAPPING": "TI2I",
    "AUTO_TEXT2VIDEO_PIPELINES_MAPPING": "T2V",
    "AUTO_VIDEO2VIDEO_PIPELINES_MAPPING": "TV2V",
}
# A checkpoint of these tasks has learnt no text, so it is kept for them.
WITHOUT_TEXT = {"AUTO_INPAINT_PIPELINES_MAPPING": "I2I", "AUTO_VIDEO2VIDEO_PIPELINES_MAPPING": "V2V"}

CONFIGURATION = "nuwa_hf.modeling.configuration_nuwa"
TOKENIZATION = "nuwa_hf.modeling.tokenization_nuwa"
MODELING = "nuwa_hf.modeling.modeling_nuwa"
NO_CONFIGURATION = LazyClass(CONFIGURATION, "NuwaConfig")
PROCESSOR = LazyClass("nuwa_hf.pipelines.processing_nuwa", "NuwaProcessor")


def announce_configuration(configuration_auto: ModuleType) -> None:
    """Let `AutoConfig` read the `model_type` "nuwa".

    Args:
        configuration_auto (`ModuleType`): transformers' module.
    """
    configuration_auto.CONFIG_MAPPING.register(MODEL_TYPE, LazyClass(CONFIGURATION, "NuwaConfig"), exist_ok=True)


def register_configuration(configuration_auto: ModuleType, ours: ModuleType) -> None:
    """Replace the placeholder by the configuration's class.

    Args:
        configuration_auto (`ModuleType`): transformers' module.
        ours (`ModuleType`): our module of the configuration.
    """
    configuration_auto.AutoConfig.register(MODEL_TYPE, ours.NuwaConfig, exist_ok=True)


def announce_tokenizer(tokenization_auto: ModuleType) -> None:
    """Let `AutoTokenizer` find our tokenizer by the class name in a checkpoint.

    Args:
        tokenization_auto (`ModuleType`): transformers' module.
    """
    tokenization_auto.REGISTERED_TOKENIZER_CLASSES["NuwaTokenizer"] = LazyClass(TOKENIZATION, "NuwaTokenizer")


def announce_tokenizer_of_configuration(tokenization_auto: ModuleType, ours: ModuleType) -> None:
    """Let `AutoTokenizer` find our tokenizer by our configuration.

    Args:
        tokenization_auto (`ModuleType`): transformers' module.
        ours (`ModuleType`): our module of the configuration.
    """
    placeholder = LazyClass(TOKENIZATION, "NuwaTokenizer")
    tokenization_auto.AutoTokenizer.register(ours.NuwaConfig, tokenizer_class=placeholder, exist_ok=True)


def register_tokenizer(tokenization_auto: ModuleType, configuration: ModuleType, tokenization: ModuleType) -> None:
    """Replace the placeholders by the tokenizer's class.

    Args:
        tokenization_auto (`ModuleType`): transformers' module.
        configuration (`ModuleType`): our module of the configuration.
        tokenization (`ModuleType`): our module of the tokenizer.
    """
    tokenization_auto.AutoTokenizer.register(
        configuration.NuwaConfig, tokenizer_class=tokenization.NuwaTokenizer, exist_ok=True
    )


def announce_processor(processing_auto: ModuleType) -> None:
    """Let `AutoProcessor` find our processor by the class name in a checkpoint.

    Args:
        processing_auto (`ModuleType`): transformers' module.
    """
    # The table is read by its values here. Its keys are classes of configurations; ours need not be imported for that.
    processing_auto.AutoProcessor.register(NO_CONFIGURATION, PROCESSOR, exist_ok=True)


def announce_processor_of_configuration(processing_auto: ModuleType, ours: ModuleType) -> None:
    """Let `AutoProcessor` find our processor by our configuration.

    Args:
        processing_auto (`ModuleType`): transformers' module.
        ours (`ModuleType`): our module of the configuration.
    """
    processing_auto.AutoProcessor.register(ours.NuwaConfig, PROCESSOR, exist_ok=True)


def announce_models(modeling_auto: ModuleType, ours: ModuleType) -> None:
    """Let `AutoModel` and `AutoModelForSeq2SeqLM` find our models by our configuration.

    Args:
        modeling_auto (`ModuleType`): transformers' module.
        ours (`ModuleType`): our module of the configuration.
    """
    _register_models(modeling_auto, ours.NuwaConfig, partial(LazyClassList, MODELING))


def register_models(modeling_auto: ModuleType, configuration: ModuleType, modeling: ModuleType) -> None:
    """Replace the placeholders by the models' classes.

    Args:
        modeling_auto (`ModuleType`): transformers' module.
        configuration (`ModuleType`): our module of the configuration.
        modeling (`ModuleType`): our module of the models.
    """
    _register_models(modeling_auto, configuration.NuwaConfig, partial(getattr, modeling))


def _register_models(modeling_auto: ModuleType, configuration: type, value: Callable[[str], Any]) -> None:
    modeling_auto.AutoModel.register(configuration, value("NuwaModel"), exist_ok=True)
    modeling_auto.AutoModelForSeq2SeqLM.register(configuration, value("NuwaForConditionalGeneration"), exist_ok=True)


def register_components(pipeline_loading_utils: ModuleType, constants: ModuleType) -> None:
    """Let diffusers save and load our components by `["nuwa_hf", class name]`, with their sampling settings.

    Without it `model_index.json` would hold full module paths, which cannot be loaded from the Hub.

    Args:
        pipeline_loading_utils (`ModuleType`): diffusers' module.
        constants (`ModuleType`): diffusers' module.
    """
    loadable = {name: ["save_pretrained", "from_pretrained"] for name in COMPONENT_BASES}
    pipeline_loading_utils.LOADABLE_CLASSES.setdefault(LIBRARY, {}).update(loadable)
    # A flat copy of the table above, which diffusers made when it was imported.
    pipeline_loading_utils.ALL_IMPORTABLE_CLASSES.update(loadable)
    if SAMPLING_SETTINGS not in constants.TRANSFORMERS_COMPONENT_AUX_FILES:
        constants.TRANSFORMERS_COMPONENT_AUX_FILES.append(SAMPLING_SETTINGS)


def name_in_diffusers(diffusers: ModuleType) -> None:
    """Let diffusers find those of our classes that a checkpoint may name as attributes of its own package.

    They are imported when they are asked for (PEP 562).

    Args:
        diffusers (`ModuleType`): the package.
    """
    getter = getattr(diffusers, "__getattr__", None)
    if getattr(getter, "func", None) is not _ours_or:
        diffusers.__getattr__ = partial(_ours_or, getter)


def _ours_or(getter: Callable[[str], Any] | None, name: str) -> Any:
    if name in NAMED_IN_CHECKPOINTS:
        return getattr(sys.modules[LIBRARY], name)
    if getter is None:
        raise AttributeError(f"module 'diffusers' has no attribute {name!r}")
    return getter(name)


def register_auto_pipelines(auto_pipeline: ModuleType) -> None:
    """Let `AutoPipelineForText2Image`, `AutoPipelineForInpainting` and their like find our pipelines.

    They look for the name under which a table has a checkpoint's class, and take what their own table has under that
    name. So each of our tasks is a name, and a table of our own has the tasks that theirs know nothing like.

    Args:
        auto_pipeline (`ModuleType`): diffusers' module.
    """
    ours = {task.abbreviation: LazyClass(f"{LIBRARY}.pipelines", task.pipeline) for task in TASKS}
    names = {task.abbreviation: f"{LIBRARY}-{task.name}" for task in TASKS}
    for table, abbreviation in AUTO_PIPELINES.items():
        kept = WITHOUT_TEXT.get(table)
        found = {name: ours[kept if task == kept else abbreviation] for task, name in names.items()}
        getattr(auto_pipeline, table, {}).update(found)  # tables of videos are younger than those of images
    table = {name: ours[task] for task, name in names.items()}
    tables = auto_pipeline.SUPPORTED_TASKS_MAPPINGS
    tables[:] = [*(one for one in tables if one.keys() != table.keys()), table]


_AUTO = "transformers.models.auto"
AFTER_IMPORT = AfterImport(
    [
        Rule(announce_configuration, (f"{_AUTO}.configuration_auto",)),
        Rule(register_configuration, (f"{_AUTO}.configuration_auto", CONFIGURATION)),
        Rule(announce_tokenizer, (f"{_AUTO}.tokenization_auto",)),
        Rule(announce_tokenizer_of_configuration, (f"{_AUTO}.tokenization_auto", CONFIGURATION)),
        Rule(register_tokenizer, (f"{_AUTO}.tokenization_auto", CONFIGURATION, TOKENIZATION)),
        Rule(announce_processor, (f"{_AUTO}.processing_auto",)),
        Rule(announce_processor_of_configuration, (f"{_AUTO}.processing_auto", CONFIGURATION)),
        Rule(announce_models, (f"{_AUTO}.modeling_auto", CONFIGURATION)),
        Rule(register_models, (f"{_AUTO}.modeling_auto", CONFIGURATION, MODELING)),
        Rule(name_in_diffusers, ("diffusers",)),
        Rule(register_auto_pipelines, ("diffusers.pipelines.auto_pipeline",)),
        Rule(register_components, ("diffusers.pipelines.pipeline_loading_utils", "diffusers.utils.constants")),
    ]
)
