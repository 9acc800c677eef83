# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes diffusers know this package, so that pipelines save short class names and load by them."""

import diffusers
from diffusers.pipelines import pipeline_loading_utils
from diffusers.utils import constants


LIBRARY = "nuwa_hf"
# A pipeline downloads of a model's folder the weights, config.json and what this list of diffusers says: without it
# the sampling settings of the checkpoint are lost on the way.
SAMPLING_SETTINGS = "*/generation_config.json"


def register_with_diffusers(component_bases: list[type], resolvable: list[type]) -> None:
    """Let diffusers save and load our components by `["nuwa_hf", class name]`, and find our classes by name.

    Without it `model_index.json` holds full module paths, which do not load from the Hub, and
    `DiffusionPipeline.from_pretrained` knows none of our pipelines. diffusers has no entry point for other packages;
    these two tables and its own namespace are where it looks. Calling it again changes nothing.

    Args:
        component_bases (`list[type]`): base classes of the components, with `from_pretrained` and `save_pretrained`.
            They and all that derive from them must be attributes of the top package.
        resolvable (`list[type]`): what a `_class_name` in a checkpoint may name: pipelines and diffusers models.
    """
    loadable = {base.__name__: ["save_pretrained", "from_pretrained"] for base in component_bases}
    pipeline_loading_utils.LOADABLE_CLASSES.setdefault(LIBRARY, {}).update(loadable)
    # diffusers made this flat copy of the table when it was imported.
    pipeline_loading_utils.ALL_IMPORTABLE_CLASSES.update(loadable)
    if SAMPLING_SETTINGS not in constants.TRANSFORMERS_COMPONENT_AUX_FILES:
        constants.TRANSFORMERS_COMPONENT_AUX_FILES.append(SAMPLING_SETTINGS)
    for cls in resolvable:
        if not hasattr(diffusers, cls.__name__):
            setattr(diffusers, cls.__name__, cls)
