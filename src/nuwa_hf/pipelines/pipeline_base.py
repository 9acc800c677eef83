# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps that the pipelines are made of."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import PIL.Image
import torch
from diffusers import DiffusionPipeline
from diffusers.video_processor import VideoProcessor

from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines.checkpoint_files import check_checkpoint_folder, is_local_path
from nuwa_hf.pipelines.checks import as_prompt_list, check_components_agree, check_whole_number


logger = logging.getLogger(__name__)


class NuwaPipelineBase(DiffusionPipeline):
    """Components and steps shared by every NUWA pipeline; a task's own file puts the steps in order.

    All tasks have the same components, so one checkpoint serves every task and `from_pipe` shares memory.

    Args:
        vqgan (`NuwaVQGAN`): pixels to visual tokens and back.
        transformer (`NuwaForConditionalGeneration`): samples visual tokens for a condition.
        tokenizer (`NuwaTokenizer`): text to tokens.
        sketch_vqgan (`NuwaVQGAN`, *optional*): class maps to tokens, for the tasks that start from a sketch.

    Raises:
        ValueError: If the components do not fit together.
    """

    model_cpu_offload_seq = "transformer->vqgan"
    _optional_components = ["sketch_vqgan"]  # noqa: RUF012 (declared so by diffusers)
    _callback_tensor_inputs = ["tokens"]  # noqa: RUF012

    def __init__(
        self,
        vqgan: NuwaVQGAN,
        transformer: NuwaForConditionalGeneration,
        tokenizer: NuwaTokenizer,
        sketch_vqgan: NuwaVQGAN | None = None,
    ):
        super().__init__()
        check_components_agree(vqgan, transformer, tokenizer)
        self.register_modules(vqgan=vqgan, transformer=transformer, tokenizer=tokenizer, sketch_vqgan=sketch_vqgan)
        self.video_processor = VideoProcessor(vae_scale_factor=vqgan.downsampling_factor if vqgan else 1)
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
            OSError: If the folder does not hold a whole checkpoint. Nothing was loaded then.
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
        return super().from_pretrained(name_or_path, **kwargs)

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
        if kwargs.keys() & {"dtype", "torch_dtype", "custom_pipeline"}:
            return super().from_pipe(pipeline, **kwargs)
        names, _ = cls._get_signature_keys(cls)
        components = {name: part for name, part in pipeline.components.items() if name in names} | kwargs
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
        return SamplingSettings.resolve(self.transformer.generation_config, given)

    def check_num_frames(self, num_frames: int | None) -> int:
        """The number of frames to make.

        Args:
            num_frames (`int`, *optional*): what the user gave.

        Returns:
            `int`: the same, or all that the checkpoint has positions for.

        Raises:
            TypeError: If it is no `int`.
            ValueError: If it is below 1, or more than the checkpoint has positions for.
        """
        most = self.transformer.config.visual_grid[0]
        if num_frames is None:
            return most
        check_whole_number(
            "num_frames", num_frames, maximum=most, reason=" (the positions that this checkpoint learnt)"
        )
        return num_frames

    def match_negative_prompt(self, negative_prompt: str | list[str] | None, num_prompts: int) -> list[str] | None:
        """One negative prompt for each prompt.

        Args:
            negative_prompt (`str` or `list[str]`, *optional*): what the user gave.
            num_prompts (`int`): the number of prompts.

        Returns:
            `list[str]` or None: as many negative prompts as there are prompts.

        Raises:
            TypeError: If it is no text and no list of texts.
            ValueError: If one is empty, or the list has another length.
        """
        if negative_prompt is None:
            return None
        negative_prompts = as_prompt_list("negative_prompt", negative_prompt)
        if isinstance(negative_prompt, str):
            return negative_prompts * num_prompts
        if len(negative_prompts) != num_prompts:
            raise ValueError(
                f"`negative_prompt` must hold one text for each of the {num_prompts} prompts, got"
                f" {len(negative_prompts)}; give one text for all of them, or a list of the same length."
            )
        return negative_prompts

    def encode_prompt(
        self, prompts: list[str], negative_prompts: list[str] | None = None, num_videos_per_prompt: int = 1
    ) -> dict[str, torch.Tensor]:
        """The text conditions of every video, as `NuwaForConditionalGeneration.generate` takes them.

        Args:
            prompts (`list[str]`): the prompts.
            negative_prompts (`list[str]`, *optional*): as many; left out if guidance is off, since they do not count.
            num_videos_per_prompt (`int`, *optional*, defaults to 1): how often each prompt is repeated in a row.

        Returns:
            `dict[str, torch.LongTensor]`: `input_ids` and `attention_mask`, with negative prompts also
            `negative_input_ids` and `negative_attention_mask`, each of shape `(B, L)`.
        """
        texts = {"": prompts}
        if negative_prompts is not None and self.do_classifier_free_guidance:
            texts["negative_"] = negative_prompts
        elif negative_prompts is not None:
            logger.warning("`negative_prompt` has no effect without guidance; use a `guidance_scale` of more than 1.")
        conditions = {}
        for prefix, some_prompts in texts.items():
            ids, mask = self.tokenize_prompt(some_prompts)
            conditions[f"{prefix}input_ids"] = ids.repeat_interleave(num_videos_per_prompt, dim=0)
            conditions[f"{prefix}attention_mask"] = mask.repeat_interleave(num_videos_per_prompt, dim=0)
        return conditions

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
            if self.tokenizer.unk_token_id in ids:
                logger.warning("The prompt has characters that the tokenizer does not know: %r.", prompt)
        inputs = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(self._execution_device)
        return inputs["input_ids"], inputs["attention_mask"]

    def generate_tokens(
        self,
        *,
        grid: Grid,
        schedule: str,
        callback_on_step_end: Callable | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("tokens",),
        **generate_kwargs: Any,
    ) -> torch.Tensor:
        """Sample visual tokens wave by wave, with the progress bar, the callback and `interrupt`.

        Args:
            grid (`Grid`): the grid to fill.
            schedule (`str`): `"wavefront"` or `"raster"`.
            callback_on_step_end (`Callable`, *optional*): called as `callback(pipeline, step, step, kwargs)`.
            callback_on_step_end_tensor_inputs (`Sequence[str]`): which tensors `kwargs` holds.
            generate_kwargs: everything else that `NuwaForConditionalGeneration.generate` takes.

        Returns:
            `torch.LongTensor` of shape `(B, T, H, W)`: the tokens.
        """
        self._interrupt = False
        self._num_timesteps = self.transformer.num_generation_steps(grid, schedule)
        with self.progress_bar(total=self._num_timesteps) as progress_bar:

            def end_wave(step: int, num_steps: int, tokens: torch.Tensor) -> bool:
                if callback_on_step_end is not None:
                    tensors = {"tokens": tokens}
                    asked = {name: tensors[name] for name in callback_on_step_end_tensor_inputs}
                    # The tokens are the sampler's own, so what is written into them is what later waves see.
                    tokens.copy_((callback_on_step_end(self, step, step, asked) or {}).get("tokens", tokens))
                progress_bar.update()
                return self._interrupt

            return self.transformer.generate(grid=grid, schedule=schedule, callback=end_wave, **generate_kwargs).tokens

    def decode_tokens(
        self, tokens: torch.Tensor, output_type: str = "pil"
    ) -> list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor:
        """Visual tokens as frames.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens.
            output_type (`str`, *optional*, defaults to `"pil"`): `"pil"`, `"np"`, `"pt"`, or `"latent"`: the tokens.

        Returns:
            The frames as in `NuwaVideoPipelineOutput`.
        """
        if output_type == "latent":
            return tokens
        return self.video_processor.postprocess_video(self.vqgan.decode(tokens).sample, output_type=output_type)
