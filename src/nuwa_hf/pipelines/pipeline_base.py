# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What all pipelines share: components, and the steps of a call."""

import numpy as np
import PIL.Image
import torch
from diffusers import DiffusionPipeline, ModelMixin
from transformers import CLIPTokenizer

from nuwa_hf.generation.sampling import SamplingSettings, or_else
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines.call_checks import CallChecksMixin
from nuwa_hf.pipelines.calls import Calls
from nuwa_hf.pipelines.checked_call import CheckedCallMixin
from nuwa_hf.pipelines.checks import check_components_agree
from nuwa_hf.pipelines.codecs import CodecMixin
from nuwa_hf.pipelines.devices import DevicesMixin
from nuwa_hf.pipelines.known_part import KnownPart, encode_known_part
from nuwa_hf.pipelines.loading import LoadingMixin
from nuwa_hf.pipelines.lora import LoraMixin
from nuwa_hf.pipelines.mask_input import composite
from nuwa_hf.pipelines.pipeline_output import NuwaImagePipelineOutput, NuwaVideoPipelineOutput
from nuwa_hf.pipelines.prompts import PromptMixin
from nuwa_hf.pipelines.run_options import RunOptions
from nuwa_hf.pipelines.step_callback import TEXT_TENSORS
from nuwa_hf.pipelines.streaming import StreamingMixin
from nuwa_hf.pipelines.token_generation import TokenGenerationMixin
from nuwa_hf.pipelines.token_pixels import frames_of, pixels_of, sketch_tokens_of
from nuwa_hf.standalone.saving import ReadsStandaloneMixin, saves_standalone
from nuwa_hf.tasks import Task


@saves_standalone
class NuwaPipelineBase(
    ReadsStandaloneMixin,
    LoadingMixin,
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

    @property
    def guidance_scale(self) -> float | list[float]:
        """The guidance scale of the running or last call; in a callback, of the call that it belongs to."""
        scale = self._guidance_scale
        return list(scale) if isinstance(scale, tuple) else scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether that call guides any output: a scale above 1."""
        scale = self.guidance_scale
        return any(one > 1 for one in (scale if isinstance(scale, list) else [scale]))

    @property
    def _guidance_scale(self) -> float | tuple[float, ...]:
        # What diffusers' guides tell callbacks to change; later waves of the call are guided with it.
        return self._calls.current.guidance_scale

    @_guidance_scale.setter
    def _guidance_scale(self, value: float | list[float]) -> None:
        self._calls.current.guide_with(value)

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

    @torch.no_grad()
    def encode_sketch(self, sketches: torch.Tensor) -> torch.Tensor:
        """Encode class maps as sketch tokens.

        Args:
            sketches (`torch.LongTensor` of shape `(B, T, Y, X)`): class indices.

        Returns:
            `torch.LongTensor` of shape `(B, T, H, W)`.
        """
        return sketch_tokens_of(self.sketch_codec, sketches, device=self._execution_device)

    @torch.no_grad()
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
        part = encode_known_part(self.codec, pixels.to(device), masks.to(device))
        if num_outputs == 1:
            return part
        rows = torch.arange(len(pixels)).repeat_interleave(num_outputs)
        return KnownPart(**{name: tensor[rows] for name, tensor in vars(part).items()})

    @torch.no_grad()
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
        return pixels_of(self.codec, tokens.to(self._execution_device))

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
            for frame in range(pixels.shape[1]):  # not all at once, which would hold the videos once more
                here = slice(frame, frame + 1)
                pixels[:, here] = composite(pixels[:, here], kept.pixels[:, here], kept.masks[:, here])
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
