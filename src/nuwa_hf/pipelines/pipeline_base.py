# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps that the pipelines are made of."""

import logging
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import PIL.Image
import torch
from diffusers import DiffusionPipeline, ModelMixin
from diffusers.image_processor import VaeImageProcessor
from transformers import CLIPTokenizer

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.hub.errors import hub_reason
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.codec import Codec, as_codec
from nuwa_hf.modeling.codec.protocol import check_tokens_in_codebook
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.text_ids import none_text
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines.checks import as_prompt_list, check_components_agree, check_whole_number
from nuwa_hf.pipelines.known_part import KnownPart, encode_known_part
from nuwa_hf.pipelines.mask_input import check_places, composite, known_places
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.streaming import StreamingMixin
from nuwa_hf.pipelines.token_generation import TokenGenerationMixin
from nuwa_hf.storage.local_checkpoint import check_checkpoint_folder, is_local_path


logger = logging.getLogger(__name__)


class NuwaPipelineBase(TokenGenerationMixin, StreamingMixin, DiffusionPipeline):
    """Components and steps shared by every NUWA pipeline; a task's own file puts the steps in order.

    All tasks have the same components, so one checkpoint serves every task and `from_pipe` shares memory.

    Args:
        vqgan (`ModelMixin`): pixels to visual tokens and back: a `NuwaVQGAN`, or another codec that `as_codec` takes,
            such as diffusers' `VQModel`.
        transformer (`NuwaForConditionalGeneration`): samples visual tokens for a condition.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): text to tokens; CLIP's where CLIP reads the texts.
        sketch_vqgan (`ModelMixin`, *optional*): class maps to tokens, for the tasks that start from a sketch.

    Raises:
        TypeError: If a codec does not speak the protocol `Codec`.
        ValueError: If the components do not fit together.
    """

    model_cpu_offload_seq = "sketch_vqgan->transformer->vqgan"
    _optional_components = ["sketch_vqgan"]  # noqa: RUF012 (declared so by diffusers)
    _callback_tensor_inputs = ["tokens"]  # noqa: RUF012

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
        self._guidance_scale = 1.0
        self._num_timesteps = 0
        self._interrupt = False

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """Load a pipeline from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub.
            kwargs: everything that `DiffusionPipeline.from_pretrained` takes: components that replace saved ones,
                `dtype`, `variant`, `revision` and others.

        Returns:
            The pipeline, in evaluation mode.

        Raises:
            OSError: If the folder does not hold a whole checkpoint, or the Hub does not give it. Nothing was loaded
                then.
        """
        name_or_path = os.fspath(pretrained_model_name_or_path)
        if is_local_path(pretrained_model_name_or_path):
            components, _ = cls._get_signature_keys(cls)
            wanted = [name for name in components if name not in kwargs]
            check_checkpoint_folder(
                Path(name_or_path),
                required=[name for name in wanted if name not in cls._optional_components],
                optional=[name for name in wanted if name in cls._optional_components],
            )
        try:
            return super().from_pretrained(name_or_path, **kwargs)
        except OSError as error:
            reason = hub_reason(error)
            if reason is None:
                raise
            raise OSError(f"Cannot load {name_or_path!r} from the Hub: {reason}.") from error

    @classmethod
    def from_pipe(cls, pipeline: DiffusionPipeline, **kwargs: Any) -> Self:
        """A pipeline for this task with the components of another, which stay where and what they are.

        Unlike the inherited method it leaves the components' dtype alone unless `dtype` is given.

        Args:
            pipeline (`DiffusionPipeline`): the pipeline to take components from.
            kwargs: components that replace those of `pipeline`, or the arguments of `DiffusionPipeline.from_pipe`.

        Returns:
            The new pipeline; both share their components' memory.

        Raises:
            ValueError: If `pipeline` lacks a component.
        """
        names, _ = cls._get_signature_keys(cls)
        components = {name: part for name, part in pipeline.components.items() if name in names} | kwargs
        if kwargs.keys() & {"dtype", "torch_dtype", "custom_pipeline"}:
            return super().from_pipe(pipeline, **components)  # by name: of its own it takes no subclass of a codec
        missing = [name for name in names if name not in components and name not in cls._optional_components]
        if missing:
            raise ValueError(
                f"`pipeline` must have the components {', '.join(missing)}, got {type(pipeline).__name__}; pass them"
                " to `from_pipe` by name."
            )
        return cls(**components)

    @property
    def guidance_scale(self) -> float:
        """The guidance scale of the running or last call."""
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether the running or last call guides: a scale above 1."""
        return self._guidance_scale > 1

    @property
    def num_timesteps(self) -> int:
        """The number of waves of the running or last call."""
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        """Set to True, in a callback or from another thread, to stop after the current wave."""
        return self._interrupt

    @interrupt.setter
    def interrupt(self, value: bool) -> None:
        self._interrupt = value

    def check_components(self, *names: str) -> None:
        """Require components that were loaded.

        Args:
            names (`str`): the components that the call needs.

        Raises:
            ValueError: If one is None.
        """
        for name in names:
            if getattr(self, name) is None:
                raise ValueError(f"This call needs the component `{name}`, which is None; load the pipeline with it.")

    def choose_sampling(
        self, guidance_scale: float | None, temperature: float | None, top_k: int | None, top_p: float | None
    ) -> SamplingSettings:
        """How to sample: what the user gave, else what the checkpoint's `transformer.generation_config` says.

        The settings that a model samples best with belong to its weights. Users of transformers look for them in
        `generation_config.json`, which travels with the transformer into every pipeline that uses it.

        Args:
            guidance_scale (`float`, *optional*): how strongly the condition guides, at least 1; 1 does not.
            temperature (`float`, *optional*): what the logits are divided by, above 0.
            top_k (`int`, *optional*): keep only so many of the likeliest tokens, at least 1.
            top_p (`float`, *optional*): keep only the likeliest tokens up to this probability, in (0, 1].

        Returns:
            `SamplingSettings`: the settings, all checked.

        Raises:
            ValueError: If one is out of its range.
        """
        given = {"guidance_scale": guidance_scale, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        settings = SamplingSettings.resolve(self.transformer.generation_config, given)
        self._guidance_scale = settings.guidance_scale
        return settings

    def choose_unguided_sampling(
        self, temperature: float | None, top_k: int | None, top_p: float | None
    ) -> SamplingSettings:
        """How to sample in the tasks without a text, where nothing but the temperature makes samples safer.

        Args:
            temperature (`float`, *optional*): what the logits are divided by; by default the `unguided_temperature` of
                `transformer.generation_config`, if it has one.
            top_k (`int`, *optional*): keep only so many of the likeliest tokens, at least 1.
            top_p (`float`, *optional*): keep only the likeliest tokens up to this probability, in (0, 1].

        Returns:
            `SamplingSettings`: the settings, all checked.

        Raises:
            ValueError: If one is out of its range.
        """
        if temperature is None:
            temperature = getattr(self.transformer.generation_config, "unguided_temperature", None)
        return self.choose_sampling(1.0, temperature, top_k, top_p)

    @property
    def codec(self) -> Codec:
        """What speaks the protocol of a codec for the component `vqgan`."""
        return as_codec(self.vqgan)

    @property
    def sketch_codec(self) -> Codec:
        """What speaks the protocol of a codec for the component `sketch_vqgan`."""
        return as_codec(self.sketch_vqgan)

    @property
    def max_frames(self) -> int:
        """Frames that the checkpoint has learnt positions for."""
        return self.transformer.config.visual_grid[0]

    @property
    def image_size(self) -> tuple[int, int]:
        """Rows and columns of the pixels that the checkpoint reads and writes."""
        _, height, width = self.transformer.config.visual_grid
        return height * self.codec.spatial_factor, width * self.codec.spatial_factor

    @property
    def sketch_size(self) -> tuple[int, int]:
        """Rows and columns of the class maps that the checkpoint reads: one sketch token for each visual one."""
        _, height, width = self.transformer.config.visual_grid
        return height * self.sketch_codec.spatial_factor, width * self.sketch_codec.spatial_factor

    def check_masks(self, masks: torch.Tensor) -> None:
        """Require that a mask leaves tokens to fill and tokens to keep.

        Args:
            masks (`torch.BoolTensor` of shape `(B, Y, X)` or `(B, T, Y, X)`): True where pixels are to be filled.

        Raises:
            ValueError: If it does not.
        """
        check_places(known_places(masks, self.codec.spatial_factor))

    def check_num_frames(self, num_frames: int | None, overlap_frames: int | None, num_given: int = 0) -> int:
        """The number of frames to make.

        Args:
            num_frames (`int`, *optional*): what the user gave.
            overlap_frames (`int`, *optional*): frames that a chunk of a long video sees of the one before.
            num_given (`int`, defaults to 0): frames that are given; at least one more must be asked for.

        Returns:
            `int`: the same, or all that the checkpoint has positions for.

        Raises:
            TypeError: If one is no `int`.
            ValueError: If one is out of its range.
        """
        if num_frames is None:
            num_frames = max(self.max_frames, num_given + 1)
        check_whole_number("num_frames", num_frames)
        if num_frames <= num_given:
            raise ValueError(
                f"`num_frames` must be more than the {num_given} frames that are given, got {num_frames}; it counts "
                "them too."
            )
        if overlap_frames is not None:
            check_whole_number(
                "overlap_frames",
                overlap_frames,
                maximum=max(1, self.max_frames - 1),
                reason=" (one less than the positions that this checkpoint learnt)",
            )
        if num_frames > 1 and self.max_frames == 1:
            raise ValueError(f"`num_frames` must be 1, all that this checkpoint has positions for, got {num_frames}.")
        return num_frames

    def check_call(self, options: RunOptions, num_inputs: int, count_name: str, count: int) -> None:
        """The checks that every call makes.

        Args:
            options (`RunOptions`): what the user gave.
            num_inputs (`int`): prompts, images or videos that were given.
            count_name (`str`): `"num_images_per_prompt"` or `"num_videos_per_prompt"`.
            count (`int`): its value.

        Raises:
            TypeError: If an argument is of a wrong type.
            ValueError: If one has no valid value, or a component is missing.
        """
        options.check(num_inputs, count_name, count, self._callback_tensor_inputs)
        self.check_components("transformer", "tokenizer", *(("vqgan",) if options.needs_pixels else ()))

    def match_prompt(
        self, prompt: str | list[str] | None, num_inputs: int, *, name: str = "prompt", is_required: bool = False
    ) -> list[str] | None:
        """One text for each input.

        Args:
            prompt (`str` or `list[str]`, *optional*): what the user gave; one text stands for all inputs.
            num_inputs (`int`): prompts, images or videos that were given.
            name (`str`, defaults to `"prompt"`): the argument's name.
            is_required (`bool`, defaults to `False`): whether there must be a text.

        Returns:
            `list[str]` or None: as many texts as there are inputs.

        Raises:
            TypeError: If it is no text and no list of texts.
            ValueError: If one is empty, or the list has another length.
        """
        if prompt is None and not is_required:
            return None
        prompts = as_prompt_list(name, prompt)
        if isinstance(prompt, str):
            return prompts * num_inputs
        if len(prompts) != num_inputs:
            raise ValueError(
                f"`{name}` must hold one text for each of the {num_inputs} inputs, got {len(prompts)}; give one text"
                " for all of them, or a list of the same length."
            )
        return prompts

    def encode_prompt(
        self, prompts: list[str] | None, negative_prompts: list[str] | None = None, *, batch_size: int
    ) -> dict[str, torch.Tensor]:
        """The text conditions of every output, as `NuwaForConditionalGeneration.generate` takes them.

        Args:
            prompts (`list[str]`, *optional*): the prompts; None for the constant "None" condition.
            negative_prompts (`list[str]`, *optional*): as many; left out if guidance is off, since they do not count.
            batch_size (`int`): outputs, a multiple of the prompts; those of one prompt follow each other.

        Returns:
            `dict[str, torch.LongTensor]`: `input_ids` and `attention_mask`, with negative prompts also
            `negative_input_ids` and `negative_attention_mask`, each of shape `(B, L)`.
        """
        if prompts is None:
            input_ids = none_text(self.transformer.config, batch_size, self._execution_device)
            conditions = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        else:
            conditions = self._tokenized("", prompts, batch_size)
        if negative_prompts is not None and self.do_classifier_free_guidance:
            conditions |= self._tokenized("negative_", negative_prompts, batch_size)
        elif negative_prompts is not None:
            logger.warning("`negative_prompt` has no effect without guidance; use a `guidance_scale` of more than 1.")
        return conditions

    def _tokenized(self, prefix: str, prompts: list[str], batch_size: int) -> dict[str, torch.Tensor]:
        names = (f"{prefix}input_ids", f"{prefix}attention_mask")
        repeats = batch_size // len(prompts)
        return {
            name: tensor.repeat_interleave(repeats, dim=0)
            for name, tensor in zip(names, self.tokenize_prompt(prompts), strict=True)
        }

    def tokenize_prompt(self, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompts as tokens, padded to the full length so that a prompt's tokens do not depend on its neighbours.

        A prompt that is too long loses its end, and one with unknown characters these; a warning says what.

        Args:
            prompts (`list[str]`): B prompts.

        Returns:
            `tuple[torch.LongTensor, torch.LongTensor]`: token ids and mask, both of shape `(B, L)`; 1 in the mask is a
            token, 0 padding.
        """
        length = min(self.tokenizer.model_max_length, self.transformer.config.max_text_length)
        for prompt, ids in zip(prompts, self.tokenizer(prompts, verbose=False)["input_ids"], strict=True):
            if len(ids) > length:  # truncation keeps <bos>, the first tokens and <eos>
                cut = self.tokenizer.decode(ids[length - 1 : -1])
                logger.warning("The prompt is longer than %d tokens; this part was cut off: %r.", length, cut)
            # CLIP knows every byte; its <unk> is the token that ends every text.
            if self.tokenizer.unk_token_id != self.tokenizer.eos_token_id and self.tokenizer.unk_token_id in ids:
                logger.warning("The prompt has characters that the tokenizer does not know: %r.", prompt)
        inputs = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(self._execution_device)
        return inputs["input_ids"], inputs["attention_mask"]

    def encode_sketch(self, sketches: torch.Tensor) -> torch.Tensor:
        """Sketch tokens of class maps, a chunk of frames at a time, so that the memory does not grow with the video.

        Args:
            sketches (`torch.LongTensor` of shape `(B, T, Y, X)`): class indices.

        Returns:
            `torch.LongTensor` of shape `(B, T, H, W)`.
        """
        codec, device = self.sketch_codec, self._execution_device
        pieces = [
            codec.encode(class_maps_to_pixels(piece.to(device), codec.in_channels)).tokens
            for piece in sketches.split(self.max_frames, dim=1)
        ]
        return torch.cat(pieces, dim=1)

    def encode_known_part(self, pixels: torch.Tensor, masks: torch.Tensor, num_outputs: int) -> KnownPart:
        """Tokens of the known part of images or videos, each repeated for its outputs.

        Args:
            pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
            masks (`torch.BoolTensor` of shape `(B, T, Y, X)`): True where pixels are to be filled.
            num_outputs (`int`): outputs of each of the B; they follow each other.

        Returns:
            `KnownPart`: of `B num_outputs` rows.
        """
        # Not the codec's device: with offloading it moves to this one only when it is called.
        device = self._execution_device
        part = encode_known_part(self.codec, pixels.to(device), masks.to(device), max_frames=self.max_frames)
        rows = torch.arange(len(pixels)).repeat_interleave(num_outputs)
        return KnownPart(**{name: tensor[rows] for name, tensor in vars(part).items()})

    def decode_tokens(self, tokens: torch.Tensor) -> torch.Tensor:
        """Visual tokens as pixels, a chunk of frames at a time, so that the memory does not grow with the video.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens.

        Returns:
            `torch.Tensor` of shape `(B, T, 3, Y, X)`: float32 in [0, 1].

        Raises:
            ValueError: If a token, such as one that a callback gave, is not in the codebook.
        """
        codec = self.codec
        check_tokens_in_codebook("tokens", tokens, codec.codebook_size)
        pieces = [codec.decode(piece).sample.transpose(1, 2) for piece in tokens.split(self.max_frames, dim=1)]
        return (torch.cat(pieces, dim=1).float() / 2 + 0.5).clamp(0, 1)

    def decode_images(
        self, tokens: torch.Tensor, output_type: str, kept: KnownPart | None = None
    ) -> list[PIL.Image.Image] | np.ndarray | torch.Tensor:
        """Visual tokens of images as pictures.

        Args:
            tokens (`torch.LongTensor` of shape `(B, 1, H, W)`): the tokens.
            output_type (`str`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.
            kept (`KnownPart`, *optional*): whose pixels outside the mask come back as they were.

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
        """Visual tokens of videos as frames.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens.
            output_type (`str`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.
            kept (`KnownPart`, *optional*): whose pixels outside the mask come back as they were.

        Returns:
            The frames as in `NuwaVideoPipelineOutput`.
        """
        if output_type == "latent":
            return tokens
        pixels = self.decode_tokens(tokens)
        if kept is not None:
            pixels = composite(pixels, kept.pixels, kept.masks)
        if output_type == "pt":
            return pixels
        array = pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
        return array if output_type == "np" else [VaeImageProcessor.numpy_to_pil(frames) for frames in array]
