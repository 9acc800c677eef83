# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pipelines from folders, from the Hub and from the components of another pipeline, and their saved index."""

import os
from pathlib import Path
from typing import Any, Self

from diffusers import DiffusionPipeline
from diffusers.pipelines.pipeline_loading_utils import _get_custom_pipeline_class

from nuwa_hf.argument_types import shown
from nuwa_hf.generation.sampling import or_else
from nuwa_hf.imports.lazy_classes import LazyClass
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.pipelines.checks import check_codec, check_components_agree
from nuwa_hf.pipelines.processor_files import write_processor_of_pipeline
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.dtype_names import with_dtypes
from nuwa_hf.storage.hub_errors import naming_hub_faults
from nuwa_hf.storage.local_checkpoint import check_checkpoint_folder, check_variant, is_local_path
from nuwa_hf.storage.portable_names import portable_configuration


NAME_OR_PATH = "_name_or_path"  # where diffusers keeps what a pipeline was loaded from


class LoadingMixin:
    """How a `NuwaPipelineBase` is made and its index is saved."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """Load a pipeline from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub.
            kwargs: everything that `DiffusionPipeline.from_pretrained` takes: components that replace saved ones,
                `dtype` (also by name), `variant`, `revision` and others.

        Returns:
            The pipeline, in evaluation mode.

        Raises:
            TypeError: If a codec that is given does not speak the protocol `Codec`.
            ValueError: If `dtype` is the name of no floating point dtype, the components do not fit together, or a
                `device_map` has put them onto several devices.
            OSError: If the folder does not hold a complete checkpoint, or the Hub cannot provide it. Nothing has been
                loaded then.
        """
        name_or_path, kwargs = os.fspath(pretrained_model_name_or_path), with_dtypes(kwargs)
        if is_local_path(pretrained_model_name_or_path):
            components, _ = cls._get_signature_keys(cls)
            wanted = [name for name in components if name not in kwargs]
            check_checkpoint_folder(
                Path(name_or_path),
                required=[name for name in wanted if name not in cls._optional_components],
                optional=[name for name in wanted if name in cls._optional_components],
            )
            for name in wanted:
                check_variant(Path(name_or_path, name), kwargs.get("variant"))
        # diffusers takes no codec of another class than the saved one's, so these are put in afterwards.
        codecs = {name: kwargs[name] for name in ("vqgan", "sketch_vqgan") if kwargs.get(name) is not None}
        codecs = {name: codec for name, codec in codecs.items() if not isinstance(codec, NuwaVQGAN)}
        for name, codec in codecs.items():
            check_codec(name, codec)
        with naming_hub_faults(name_or_path), naming_what_is_broken(name_or_path):
            pipeline = super().from_pretrained(name_or_path, **{**kwargs, **dict.fromkeys(codecs)})
        if codecs:
            parts = pipeline.components | codecs
            check_components_agree(parts["vqgan"], parts["transformer"], parts["tokenizer"], parts["sketch_vqgan"])
            pipeline.register_modules(**codecs)
            pipeline.make_processors()
        return pipeline

    def to_json_string(self) -> str:
        """The index as JSON, without the folder of this machine that the pipeline was loaded from."""
        return portable_configuration(super().to_json_string())

    def save_config(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Write the index, and beside it what lets `AutoProcessor` find a processor in the pipeline's folder.

        Args:
            save_directory (`str` or `os.PathLike`): the folder.
            push_to_hub (`bool`, defaults to `False`): whether to push it too.
            kwargs: what `DiffusionPipeline.save_config` takes.
        """
        super().save_config(save_directory, push_to_hub, **kwargs)
        if self.vqgan is not None and self.tokenizer is not None:
            write_processor_of_pipeline(save_directory)

    @classmethod
    def from_pipe(cls, pipeline: DiffusionPipeline, **kwargs: Any) -> Self:
        """A pipeline for this task with the components of another one, which are not copied, moved or cast.

        The inherited method casts the components to float32; this one leaves their dtype alone unless `dtype` is
        given.

        Args:
            pipeline (`DiffusionPipeline`): the pipeline to take components from.
            kwargs: components that replace those of `pipeline`, or the arguments of `DiffusionPipeline.from_pipe`:
                `dtype`, and `custom_pipeline` for a class in a file, with `trust_remote_code` and `custom_revision`.

        Returns:
            The new pipeline; both share their components' memory.

        Raises:
            TypeError: If `pipeline` is no pipeline.
            ValueError: If `pipeline` lacks a required component, `dtype` is the name of no floating point dtype, or
                the code of a `custom_pipeline` is not trusted.
        """
        if not isinstance(pipeline, DiffusionPipeline):
            raise TypeError(
                f"`pipeline` must be a pipeline, got {shown(pipeline)}; load it with `from_pretrained` first."
            )
        given = with_dtypes(kwargs)
        dtype = or_else(given.pop("dtype", None), given.pop("torch_dtype", None))
        custom, revision = given.pop("custom_pipeline", None), given.pop("custom_revision", None)
        is_trusted = given.pop("trust_remote_code", False)
        made_as = cls
        if custom is not None:
            made_as = _get_custom_pipeline_class(os.fspath(custom), revision=revision, trust_remote_code=is_trusted)
        names, settings = made_as._get_signature_keys(made_as)
        kept = {name.removeprefix("_"): value for name, value in pipeline.config.items() if name != NAME_OR_PATH}
        arguments = {name: kept[name] for name in settings if name in kept}  # our tasks have none
        arguments |= {name: part for name, part in pipeline.components.items() if name in {*names, *settings}}
        arguments |= given
        missing = [name for name in names if name not in arguments and name not in made_as._optional_components]
        if missing:
            raise ValueError(
                f"`pipeline` must have the components {', '.join(missing)}, got {type(pipeline).__name__}; pass them"
                " to `from_pipe` by name."
            )
        made = made_as(**arguments)
        # As diffusers does it: what this pipeline has no use for waits, by another name, for the way back.
        others = [name for name in kept if name not in {*names, *settings}]
        made.register_to_config(**{f"_{name}": kept[name] for name in others})
        if pipeline.config.get(NAME_OR_PATH) is not None:
            made.register_to_config(**{NAME_OR_PATH: pipeline.config[NAME_OR_PATH]})
        return made if dtype is None else made.to(dtype=dtype)

    @classmethod
    def _get_signature_keys(cls, obj: Any) -> tuple[list[str], list[str]]:
        # AutoPipelines of diffusers ask with what they found in their table.
        return super()._get_signature_keys(cls if isinstance(obj, LazyClass) else obj)
