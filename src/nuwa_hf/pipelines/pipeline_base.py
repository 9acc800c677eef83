# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What all pipelines share: components, loading, and the steps of a call."""

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import PIL.Image
import torch
from diffusers import DiffusionPipeline, ModelMixin
from diffusers.pipelines.pipeline_loading_utils import _get_custom_pipeline_class
from transformers import CLIPTokenizer

from nuwa_hf.generation.sampling import SamplingSettings, or_else
from nuwa_hf.imports.lazy_classes import LazyClass
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines.call_checks import CallChecksMixin
from nuwa_hf.pipelines.calls import Calls
from nuwa_hf.pipelines.checked_call import CheckedCallMixin
from nuwa_hf.pipelines.checks import check_codec, check_components_agree
from nuwa_hf.pipelines.codecs import CodecMixin
from nuwa_hf.pipelines.devices import DevicesMixin
from nuwa_hf.pipelines.known_part import KnownPart, encode_known_part
from nuwa_hf.pipelines.lora import LoraMixin
from nuwa_hf.pipelines.mask_input import composite
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput, NuwaVideoPipelineOutput
from nuwa_hf.pipelines.processor_files import write_processor_of_pipeline
from nuwa_hf.pipelines.prompts import PromptMixin
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.step_callback import TEXT_TENSORS
from nuwa_hf.pipelines.streaming import StreamingMixin
from nuwa_hf.pipelines.token_generation import TokenGenerationMixin
from nuwa_hf.pipelines.token_pixels import frames_of, pixels_of, sketch_tokens_of
from nuwa_hf.standalone.saving import ReadsStandaloneMixin, saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.dtype_names import with_dtypes
from nuwa_hf.storage.hub_errors import naming_hub_faults
from nuwa_hf.storage.local_checkpoint import check_checkpoint_folder, check_variant, is_local_path
from nuwa_hf.storage.portable_names import portable_configuration
from nuwa_hf.tasks import Task


NAME_OR_PATH = "_name_or_path"  # where diffusers keeps what a pipeline was loaded from


@saves_standalone
class NuwaPipelineBase(
    ReadsStandaloneMixin,
    CallChecksMixin,
    CheckedCallMixin,
    CodecMixin,
    DevicesMixin,
    PromptMixin,
    TokenGenerationMixin,
    StreamingMixin,
    LoraMixin,
    DiffusionPipeline,
):
    """Components and steps shared by every NUWA pipeline; a task's own file has its arguments and their checks.

    All tasks have the same components, so one checkpoint serves every task and `from_pipe` shares memory. One pipeline
    may be used from several threads at once, except with offloading: everything that belongs to a call travels with
    it. `guidance_scale`, `num_timesteps` and `interrupt` describe the call that this thread runs, or ran last.

    Args:
        vqgan (`ModelMixin`): turns pixels into visual tokens and back: a `NuwaVQGAN`, or another codec that `as_codec`
            takes, such as diffusers' `VQModel`.
        transformer (`NuwaForConditionalGeneration`): samples visual tokens for a condition.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): turns text into tokens; CLIP's if CLIP reads the texts.
        sketch_vqgan (`ModelMixin`, *optional*): turns class maps into tokens, for the tasks that start from a sketch.

    Raises:
        TypeError: If a codec does not speak the protocol `Codec`.
        ValueError: If the components do not fit together.
    """

    task: Task  # the row of the table, which `for_task` sets
    model_cpu_offload_seq = "sketch_vqgan->transformer->vqgan"
    _optional_components = ["sketch_vqgan"]  # noqa: RUF012 (declared so by diffusers)
    _callback_tensor_inputs = ["tokens", *TEXT_TENSORS]  # noqa: RUF012

    def __init__(
        self,
        vqgan: ModelMixin,
        transformer: NuwaForConditionalGeneration,
        tokenizer: NuwaTokenizer | CLIPTokenizer,
        sketch_vqgan: ModelMixin | None = None,
    ):
        super().__init__()
        check_components_agree(vqgan, transformer, tokenizer, sketch_vqgan)
        self.register_modules(vqgan=vqgan, transformer=transformer, tokenizer=tokenizer, sketch_vqgan=sketch_vqgan)
        self._calls = Calls()
        self.make_processors()

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
            ValueError: If `pipeline` lacks a required component, `dtype` is the name of no floating point dtype, or
                the code of a `custom_pipeline` is not trusted.
        """
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

    @property
    def guidance_scale(self) -> float | list[float]:
        """The guidance scale of the running or last call; in a callback, of the call that it belongs to."""
        return self._calls.current.guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether that call guides any output: a scale above 1."""
        scale = self.guidance_scale
        return any(one > 1 for one in (scale if isinstance(scale, list | tuple) else [scale]))

    @property
    def _guidance_scale(self) -> float | list[float]:
        # What diffusers' guides tell callbacks to change; later waves of the call are guided with it.
        return self.guidance_scale

    @_guidance_scale.setter
    def _guidance_scale(self, value: float | list[float]) -> None:
        self._calls.current.guidance_scale = value

    @property
    def num_timesteps(self) -> int:
        """The number of waves of that call."""
        return self._calls.current.num_timesteps

    @property
    def interrupt(self) -> bool:
        """Whether that call was told to stop.

        Set to True in a callback, it stops the call of the callback after the current wave. Set elsewhere, it stops
        all calls and streams that have started, in whatever thread. A call that starts later is not affected.
        """
        return self._calls.is_stopped(self._calls.current)

    @interrupt.setter
    def interrupt(self, value: bool) -> None:
        self._calls.stop(value)

    _interrupt = interrupt  # what diffusers' guides tell callbacks to set

    def choose_sampling(
        self,
        guidance_scale: float | list[float] | None = None,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
    ) -> SamplingSettings:
        """How to sample: as the user says, and otherwise as the checkpoint's `transformer.generation_config` does.

        The settings with which a model samples best belong to its weights. Users of transformers look for them in
        `generation_config.json`, which accompanies the transformer into every pipeline that uses it.

        Args:
            guidance_scale (`float` or `list[float]`, *optional*): the strength of guidance, at least 1; 1 turns it
                off. This and the others may be lists, one for each output.
            temperature (`float` or `list[float]`, *optional*): divides the logits, at least 0; 0 takes the likeliest
                tokens.
            top_k (`int` or `list[int]`, *optional*): keep only this many of the most likely tokens; 0 keeps all.
            top_p (`float` or `list[float]`, *optional*): keep only the most likely tokens up to this probability, in
                (0, 1].
            min_p (`float` or `list[float]`, *optional*): keep only tokens at least this much as likely as the
                likeliest, in [0, 1].

        Returns:
            `SamplingSettings`: the settings, all checked.

        Raises:
            ValueError: If one is out of range.
        """
        given = {"guidance_scale": guidance_scale, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        given["min_p"] = min_p
        return SamplingSettings.resolve(self.transformer.generation_config, given)

    def choose_unguided_sampling(
        self,
        temperature: float | list[float] | None = None,
        top_k: int | list[int] | None = None,
        top_p: float | list[float] | None = None,
        min_p: float | list[float] | None = None,
    ) -> SamplingSettings:
        """How to sample in the tasks without a text, where only the temperature makes samples safer.

        Args:
            temperature (`float` or `list[float]`, *optional*): divides the logits; by default the
                `unguided_temperature` of `transformer.generation_config`, if it has one. This and the others may be
                lists, one for each output.
            top_k (`int` or `list[int]`, *optional*): keep only this many of the most likely tokens; 0 keeps all.
            top_p (`float` or `list[float]`, *optional*): keep only the most likely tokens up to this probability, in
                (0, 1].
            min_p (`float` or `list[float]`, *optional*): keep only tokens at least this much as likely as the
                likeliest, in [0, 1].

        Returns:
            `SamplingSettings`: the settings, all checked.

        Raises:
            ValueError: If one is out of range.
        """
        temperature = or_else(temperature, getattr(self.transformer.generation_config, "unguided_temperature", None))
        return self.choose_sampling(1.0, temperature, top_k, top_p, min_p)

    @property
    def max_frames(self) -> int:
        """The number of frames for which the checkpoint has learnt positions."""
        return self.transformer.config.visual_grid[0]

    @property
    def frame_rate(self) -> float:
        """Frames a second of the checkpoint's videos: those that it draws, and those that it is given."""
        return self.transformer.config.frame_rate

    def encode_sketch(self, sketches: torch.Tensor) -> torch.Tensor:
        """Encode class maps as sketch tokens.

        Args:
            sketches (`torch.LongTensor` of shape `(B, T, Y, X)`): class indices.

        Returns:
            `torch.LongTensor` of shape `(B, T, H, W)`.
        """
        return sketch_tokens_of(self.sketch_codec, sketches, max_frames=self.max_frames, device=self._execution_device)

    def encode_known_part(self, pixels: torch.Tensor, masks: torch.Tensor, num_outputs: int) -> KnownPart:
        """Encode the known part of images or videos, and repeat each for its outputs.

        Args:
            pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
            masks (`torch.BoolTensor` of shape `(B, T, Y, X)`): True where pixels are to be filled.
            num_outputs (`int`): outputs of each input; they follow each other.

        Returns:
            `KnownPart`: of `B num_outputs` rows.
        """
        # Not the codec's own device: with offloading the codec moves to this one only when it is called.
        device = self._execution_device
        part = encode_known_part(self.codec, pixels.to(device), masks.to(device), max_frames=self.max_frames)
        rows = torch.arange(len(pixels)).repeat_interleave(num_outputs)
        return KnownPart(**{name: tensor[rows] for name, tensor in vars(part).items()})

    def decode_tokens(self, tokens: torch.Tensor) -> torch.Tensor:
        """Decode visual tokens to pixels.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens, on any device.

        Returns:
            `torch.Tensor` of shape `(B, T, 3, Y, X)`: float32 in [0, 1].

        Raises:
            ValueError: If a token, such as one that a callback gave, is not in the codebook.
            FloatingPointError: If a pixel is NaN or infinite: a weight is, or the numbers are too large for the dtype.
        """
        return pixels_of(self.codec, tokens.to(self._execution_device), max_frames=self.max_frames)

    def decode_images(
        self, tokens: torch.Tensor, output_type: str, kept: KnownPart | None = None
    ) -> list[PIL.Image.Image] | np.ndarray | torch.Tensor:
        """Decode the visual tokens of images.

        Args:
            tokens (`torch.LongTensor` of shape `(B, 1, H, W)`): the tokens.
            output_type (`str`): `"pil"`, `"np"`, `"pt"`, or `"latent"` for the tokens.
            kept (`KnownPart`, *optional*): its pixels outside the mask are returned unchanged.

        Returns:
            The images as in `NuwaImagePipelineOutput`.
        """
        videos = self.decode_frames(tokens, output_type, kept)
        if output_type == "latent":
            return videos
        return [frames[0] for frames in videos] if output_type == "pil" else videos[:, 0]

    def decode_frames(
        self, tokens: torch.Tensor, output_type: str, kept: KnownPart | None = None
    ) -> list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor:
        """Decode the visual tokens of videos.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens.
            output_type (`str`): `"pil"`, `"np"`, `"pt"`, or `"latent"` for the tokens.
            kept (`KnownPart`, *optional*): its pixels outside the mask are returned unchanged.

        Returns:
            The frames as in `NuwaVideoPipelineOutput`.
        """
        if output_type == "latent":
            return tokens
        pixels = self.decode_tokens(tokens)
        if kept is not None:
            pixels = composite(pixels, kept.pixels, kept.masks)
        return frames_of(pixels, output_type)

    def make_output(
        self, tokens: torch.Tensor, options: RunOptions, kept: KnownPart | None = None
    ) -> NuwaImagePipelineOutput | NuwaVideoPipelineOutput | tuple:
        """The last step of a call: decode the tokens, and move components off the device if they are offloaded.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens, T 1 for images.
            options (`RunOptions`): the output type, and whether to return a dataclass.
            kept (`KnownPart`, *optional*): its pixels outside the mask are returned unchanged.

        Returns:
            `NuwaImagePipelineOutput`, `NuwaVideoPipelineOutput` or `tuple`: what the call returns.
        """
        if self.task.output == "image":
            output = NuwaImagePipelineOutput(self.decode_images(tokens, options.output_type, kept), tokens)
        else:
            output = NuwaVideoPipelineOutput(self.decode_frames(tokens, options.output_type, kept), tokens)
        self.maybe_free_model_hooks()
        return output if options.return_dict else output.to_tuple()
