# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`NuwaProcessor`: what `generate` takes, from texts, pictures and sketches; pictures and clips from what it gives.

Legend: B inputs, T, H, W token grid, Y, X pixel rows and columns, L text length.
"""

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import PIL.Image
import torch
from diffusers import ModelMixin
from transformers import BatchFeature, CLIPTokenizer
from transformers.processing_utils import ProcessorMixin

from nuwa_hf.modeling.codec import Codec, as_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_outputs import NuwaGenerateOutput
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, forget_last_call
from nuwa_hf.pipelines.checks import as_prompt_list, check_choice, check_codec, check_whole_number
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.known_part import encode_known_part
from nuwa_hf.pipelines.mask_input import check_places, known_places, prepare_masks
from nuwa_hf.pipelines.processor_files import CODECS, load_parts
from nuwa_hf.pipelines.sketch_input import prepare_sketches
from nuwa_hf.pipelines.text_tokens import tokenize_texts
from nuwa_hf.pipelines.token_pixels import frames_of, pixels_of, sketch_tokens_of
from nuwa_hf.pipelines.video_input import prepare_videos
from nuwa_hf.standalone.saving import saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.offloaded_weights import check_is_not_on_disk
from nuwa_hf.storage.saved_models import saves_whole


SETTINGS = ("visual_grid", "frame_rate", "max_text_length", "none_token_id")  # of `NuwaConfig`
OUTPUT_TYPES = ("pil", "np", "pt")


@saves_standalone
class NuwaProcessor(ProcessorMixin):
    """Tokenizer and codecs as one processor, for users of transformers.

    What a call returns are the arguments of `NuwaForConditionalGeneration.generate`.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): turns texts into tokens.
        vqgan (`ModelMixin`): the codec of images and videos, a `NuwaVQGAN` or another one that `as_codec` takes.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches.
        visual_grid (`tuple[int, int, int]`, defaults to `(10, 21, 21)`): the transformer's learnt grid (t, h, w). This
            and the next three are those of its `NuwaConfig`.
        frame_rate (`float`, defaults to 2.5): frames a second of its clips.
        max_text_length (`int`, defaults to 77): text tokens that it reads.
        none_token_id (`int` or `tuple[int, ...]`, defaults to 4): what stands for no text.

    Raises:
        TypeError: If a codec does not speak the protocol `Codec`.
        ValueError: If a codec's tokens stand for several frames.

    Example:
        ```python
        from nuwa_hf import DEMO_CHECKPOINT, NuwaForConditionalGeneration, NuwaProcessor

        model = NuwaForConditionalGeneration.from_pretrained(DEMO_CHECKPOINT, subfolder="transformer")
        processor = NuwaProcessor.from_pretrained(DEMO_CHECKPOINT)
        inputs = processor(text="a red apple on the grass", num_frames=1)
        images = processor.decode_images(model.generate(**inputs))
        ```
    """

    def __init__(
        self,
        tokenizer: NuwaTokenizer | CLIPTokenizer,
        vqgan: ModelMixin,
        sketch_vqgan: ModelMixin | None = None,
        *,
        visual_grid: tuple[int, int, int] = (10, 21, 21),
        frame_rate: float = 2.5,
        max_text_length: int = 77,
        none_token_id: int | tuple[int, ...] = 4,
    ):
        super().__init__(tokenizer=tokenizer)
        for name, model in (("vqgan", vqgan), ("sketch_vqgan", sketch_vqgan)):
            if model is not None or name == "vqgan":
                check_codec(name, model)
        self.vqgan, self.sketch_vqgan = vqgan, sketch_vqgan
        self.visual_grid, self.frame_rate = tuple(visual_grid), frame_rate
        self.max_text_length, self.none_token_id = max_text_length, none_token_id

    @property
    def _codecs(self) -> dict[str, ModelMixin]:
        return {name: codec for name in CODECS if (codec := getattr(self, name)) is not None}

    @property
    def model_input_names(self) -> list[str]:
        """The names of what a call may return."""
        texts = [f"{prefix}{name}" for prefix in ("", "negative_") for name in ("input_ids", "attention_mask")]
        return [*texts, "grid", "sketch_tokens", "known_tokens", "known_mask"]

    def __call__(
        self,
        text: str | list[str] | None = None,
        images: Any = None,
        videos: Any = None,
        sketch: Any = None,
        masks: Any = None,
        negative_text: str | list[str] | None = None,
        num_frames: int | None = None,
        return_tensors: str = "pt",
    ) -> BatchFeature:
        """The arguments of `generate`.

        A text alone gives a video of the learnt length, or with `num_frames=1` an image. Pictures or clips with masks
        are filled where these are white; without, a video goes on from them.

        Args:
            text (`str` or `list[str]`, *optional*): what to draw; one for all inputs, or one for each. Without a text
                nothing leads the drawing but the rest. Of a text that is too long or has unknown characters a warning
                says what is left out.
            images (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or `list`, *optional*): pictures, as
                `nuwa_hf.pipelines.image_input.prepare_images` reads them.
            videos (`str`, `list`, `np.ndarray` or `torch.Tensor`, *optional*): clips, as
                `nuwa_hf.pipelines.video_input.prepare_videos` reads them.
            sketch (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or `list`, *optional*): class maps of what
                to draw, of one frame or of all.
            masks (`PIL.Image.Image`, `str`, `np.ndarray`, `torch.Tensor` or `list`, *optional*): white where `images`
                or `videos` are to be filled.
            negative_text (`str` or `list[str]`, *optional*): what guidance leads away from.
            num_frames (`int`, *optional*): frames to draw, 1 for an image; by default 1 for images with masks, and
                otherwise as many as were learnt.
            return_tensors (`str`, defaults to `"pt"`): torch tensors, the only kind that there is.

        Returns:
            `BatchFeature`: `input_ids`, `attention_mask` and `grid`, and what else was given: `negative_input_ids`,
            `negative_attention_mask`, `sketch_tokens`, `known_tokens` and `known_mask`. On the CPU; `.to(device)`
            moves it.

        Raises:
            OSError: If a file does not exist or a URL cannot be reached.
            TypeError: If something is of another kind.
            ValueError: If an argument is invalid, or arguments do not go together.
        """
        check_choice("return_tensors", return_tensors, ["pt"])
        if images is not None and videos is not None:
            raise ValueError("`images` and `videos` cannot both be given; put what is known into one clip.")
        if masks is not None and images is None and videos is None:
            raise ValueError("`masks` need `images` or `videos` that they are drawn over; give one of these.")
        if num_frames is None:
            num_frames = 1 if images is not None and masks is not None else self.visual_grid[0]
        check_whole_number("num_frames", num_frames, maximum=self.visual_grid[0], reason=", the learnt frames")
        made: dict[str, Any] = {"grid": (num_frames, *self.visual_grid[1:])}
        if sketch is not None:
            made["sketch_tokens"] = self._sketch_tokens(sketch, num_frames)
        if images is not None or videos is not None:
            made |= self._known_part(images, videos, masks, num_frames)
        counts = {len(made[name]) for name in ("sketch_tokens", "known_tokens") if name in made}
        if len(counts) > 1:
            raise ValueError(
                f"`sketch` must be as many as the `images` or `videos`, got {sorted(counts)}; give as many."
            )
        made |= self._texts(text, counts.pop() if counts else None)
        if negative_text is not None:
            negative = self._texts(negative_text, len(made["input_ids"]), "negative_text")
            made |= {f"negative_{name}": tensor for name, tensor in negative.items()}
        return BatchFeature({name: made[name] for name in self.model_input_names if name in made})

    def decode_images(
        self, tokens: torch.Tensor | NuwaGenerateOutput, output_type: str = "pil"
    ) -> list[PIL.Image.Image] | np.ndarray | torch.Tensor:
        """The images that `generate` drew with a grid of one frame.

        Args:
            tokens (`torch.LongTensor` of shape `(B, 1, H, W)`, or `NuwaGenerateOutput`): what it returned.
            output_type (`str`, defaults to `"pil"`): `"pil"`, `"np"` or `"pt"`.

        Returns:
            `list[PIL.Image.Image]`, `np.ndarray` of shape `(B, Y, X, 3)` or `torch.Tensor` of shape `(B, 3, Y, X)`,
            in [0, 1].

        Raises:
            ValueError: If there are several frames, or a token is not in the codebook.
        """
        found = _tokens_of(tokens)
        if found.shape[1] != 1:
            raise ValueError(f"`tokens` must have one frame, got {found.shape[1]}; use `decode_videos`.")
        videos = self.decode_videos(found, output_type)
        return [frames[0] for frames in videos] if output_type == "pil" else videos[:, 0]

    @torch.no_grad()
    def decode_videos(
        self, tokens: torch.Tensor | NuwaGenerateOutput, output_type: str = "pil"
    ) -> list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor:
        """The clips that `generate` drew.

        Args:
            tokens (`torch.LongTensor` of shape `(B, T, H, W)`, or `NuwaGenerateOutput`): what it returned.
            output_type (`str`, defaults to `"pil"`): `"pil"`, `"np"` or `"pt"`.

        Returns:
            `list[list[PIL.Image.Image]]`, `np.ndarray` of shape `(B, T, Y, X, 3)` or `torch.Tensor` of shape
            `(B, T, 3, Y, X)`, in [0, 1].

        Raises:
            ValueError: If a token is not in the codebook.
        """
        check_choice("output_type", output_type, OUTPUT_TYPES)
        codec = as_codec(self.vqgan)
        pixels = pixels_of(codec, _tokens_of(tokens).to(codec.device))
        return frames_of(pixels, output_type)

    def _texts(self, text: str | list[str] | None, num_inputs: int | None, name: str = "text") -> dict[str, Any]:
        if text is None:
            ids = (self.none_token_id,) if isinstance(self.none_token_id, int) else self.none_token_id
            input_ids = torch.tensor([ids]).repeat(num_inputs or 1, 1)
            return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        texts = as_prompt_list(name, text)
        if num_inputs is not None and len(texts) not in (1, num_inputs):
            raise ValueError(
                f"`{name}` must be one text, or one for each of {num_inputs} inputs, got {len(texts)}; give as many."
            )
        texts = texts * num_inputs if num_inputs is not None and len(texts) == 1 else texts
        input_ids, mask = tokenize_texts(self.tokenizer, texts, self.max_text_length, noun="text")
        return {"input_ids": input_ids, "attention_mask": mask}

    def _size(self, codec: Codec) -> dict[str, int]:
        return {
            "height": self.visual_grid[1] * codec.spatial_factor,
            "width": self.visual_grid[2] * codec.spatial_factor,
        }

    @torch.no_grad()
    def _sketch_tokens(self, sketch: Any, num_frames: int) -> torch.Tensor:
        if self.sketch_vqgan is None:
            raise ValueError("`sketch` needs a `sketch_vqgan`, which this processor has not; load one that has it.")
        codec = as_codec(self.sketch_vqgan)
        sampler = None if num_frames == 1 else ClipSampler(self.frame_rate)
        sizes = {"num_classes": codec.in_channels, **self._size(codec)}
        if self.vqgan is not None:
            sizes["picture_size"] = tuple(self._size(as_codec(self.vqgan)).values())
        maps = prepare_sketches(sketch, sampler=sampler, **sizes)
        if maps.shape[1] not in (1, num_frames):
            raise ValueError(
                f"`sketch` must have 1 frame, for all, or {num_frames}, the `num_frames`, got {maps.shape[1]}; give "
                "as many, or another `num_frames`."
            )
        return sketch_tokens_of(codec, maps, device=codec.device).cpu()

    @torch.no_grad()
    def _known_part(self, images: Any, videos: Any, masks: Any, num_frames: int) -> dict[str, torch.Tensor]:
        codec, name = as_codec(self.vqgan), "videos" if images is None else "images"
        size = self._size(codec)
        if images is not None:
            read, sampler = prepare_images(images, name=name, **size), None
            pixels = read.pixels[:, None]
        else:
            chosen = ClipSampler.last_frames if masks is None else ClipSampler.first_frames
            learnt = (self.visual_grid[0],) if masks is None else ()
            sampler = chosen(self.frame_rate, None, num_frames, *learnt)
            read = prepare_videos(videos, sampler=sampler, name=name, **size)
            sampler = sampler if read.is_cut else ClipSampler(self.frame_rate)
            pixels = read.pixels
        num_given = pixels.shape[1]
        if masks is None:
            if num_given >= num_frames:
                raise ValueError(f"`num_frames` must be more than the {num_given} of `{name}`, or give `masks`.")
            pixels = torch.cat([pixels, pixels[:, -1:].expand(-1, num_frames - num_given, -1, -1, -1)], 1)
            hidden = torch.zeros_like(pixels[:, :, 0], dtype=torch.bool)
            hidden[:, num_given:] = True
        else:
            if num_given != num_frames:
                raise ValueError(
                    f"`num_frames` must be the {num_given} of `{name}` beside `masks`, got {num_frames}; leave it out."
                )
            frames = None if images is not None else num_frames
            hidden = prepare_masks(masks, sizes=read.sizes, num_frames=frames, sampler=sampler, name="masks", **size)
            hidden = hidden.view(len(pixels), num_frames, *hidden.shape[-2:])
        check_places(known_places(hidden, codec.spatial_factor), name="masks")
        part = encode_known_part(codec, pixels.to(codec.device), hidden.to(codec.device))
        return {"known_tokens": part.tokens.cpu(), "known_mask": part.places.cpu()}

    def to_dict(self) -> dict[str, Any]:
        """What `processor_config.json` holds: the settings, and which codecs lie beside it."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return {**settings, "codecs": list(self._codecs), "processor_class": type(self).__name__}

    @saves_whole
    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        push_to_hub: bool = False,
        *,
        variant: str | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Save the tokenizer, the settings and, in folders of their own, the codecs.

        Args:
            save_directory (`str` or `os.PathLike`): the folder, which may be that of the model or of a pipeline.
            push_to_hub (`bool`, defaults to `False`): whether to push it too.
            variant (`str`, *optional*): of the codecs' weights, such as `"fp16"`; those of others stay.
            kwargs: what `ProcessorMixin.save_pretrained` takes.

        Returns:
            `list[str]`: the file of the settings.

        Raises:
            ValueError: If a codec is offloaded to disk by groups.
            OSError: If it cannot be written; what there was before stays.
        """
        for name, codec in self._codecs.items():
            check_is_not_on_disk(name, codec)
        for name, codec in self._codecs.items():
            codec.save_pretrained(Path(save_directory, name), variant=variant)
        if isinstance(self.tokenizer, CLIPTokenizer):  # ours does so itself
            forget_last_call(self.tokenizer)
        return super().save_pretrained(os.fspath(save_directory), push_to_hub, **kwargs)

    def _get_files_timestamps(self, working_dir: str | os.PathLike) -> dict[str, float]:
        # What is older than these is not pushed, and the codecs are saved before.
        timestamps = super()._get_files_timestamps(working_dir)
        return {name: timestamp for name, timestamp in timestamps.items() if name not in self._codecs}

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """Load what `save_pretrained` wrote, or the parts of a pipeline's checkpoint.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder, or the id of a repository on the Hub.
            kwargs: `tokenizer`, `vqgan` or `sketch_vqgan` in place of saved ones, the `subfolder` where all lies, the
                `variant` of the codecs' weights, and for the Hub `revision`, `token`, `cache_dir`, `force_download`
                and `local_files_only`.

        Returns:
            The processor.

        Raises:
            OSError: If it is neither.
            TypeError: If there is no such argument.
        """
        with naming_what_is_broken(pretrained_model_name_or_path):
            return cls(**load_parts(os.fspath(pretrained_model_name_or_path), SETTINGS, **kwargs))

    @classmethod
    def of_config(
        cls, config: NuwaConfig, tokenizer: NuwaTokenizer, vqgan: ModelMixin, sketch_vqgan: ModelMixin | None = None
    ) -> Self:
        """The processor of a model.

        Args:
            config (`NuwaConfig`): the model's configuration.
            tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): its tokenizer.
            vqgan (`ModelMixin`): its codec.
            sketch_vqgan (`ModelMixin`, *optional*): its codec of sketches.

        Returns:
            The processor.
        """
        return cls(tokenizer, vqgan, sketch_vqgan, **{name: getattr(config, name) for name in SETTINGS})


def _tokens_of(tokens: torch.Tensor | NuwaGenerateOutput) -> torch.Tensor:
    found = tokens.tokens if isinstance(tokens, NuwaGenerateOutput) else tokens
    if not isinstance(found, torch.Tensor) or found.ndim != 4:
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise ValueError(
            f"`tokens` must have shape (batch, t, h, w), as `generate` gives them, got {shape}; reshape them."
        )
    return found


__all__ = ["NuwaProcessor"]
