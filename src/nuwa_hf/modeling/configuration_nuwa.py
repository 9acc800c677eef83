# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Configuration of the NUWA transformer: text encoder, condition encoder and token decoder."""

import math
import os
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from huggingface_hub.dataclasses import strict
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec
from transformers.models.auto.configuration_auto import AutoConfig

from nuwa_hf.grid import Grid
from nuwa_hf.media.frame_sampling import check_frame_rate
from nuwa_hf.modeling.configuration_errors import raises_plain_errors
from nuwa_hf.modeling.field_names import refuse_other_names
from nuwa_hf.modeling.presets import PRESETS, condition_window_of
from nuwa_hf.standalone.saving import saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.local_checkpoint import check_json_files, is_local_path


TEXT_ENCODER_TYPE = "clip_text_model"  # the `model_type` of `CLIPTextConfig`
NONE_TOKEN_ID = 4  # of `NuwaTokenizer`
WRONG_EOS = 2  # of configurations of OpenAI's CLIPs, by which transformers knows them too
MOST_LAYERS = 1024


@saves_standalone
@raises_plain_errors
@strict
class NuwaConfig(PreTrainedConfig):
    """Sizes of a NUWA transformer.

    The defaults are the paper's NUWA-336: 12 encoder and 24 decoder layers of width 1280, 10 frames of 21 x 21 tokens.

    Args:
        vocab_size (`int`, defaults to 49408): number of text tokens.
        codebook_size (`int`, defaults to 12288): number of visual tokens, the VQ-GAN's codebook.
        sketch_codebook_size (`int`, defaults to 1024): number of sketch tokens, the sketch VQ-GAN's codebook.
        hidden_size (`int`, defaults to 1280): width of every layer.
        num_attention_heads (`int`, defaults to 20): heads; divides `hidden_size`.
        num_encoder_layers (`int`, defaults to 12): layers of the condition encoder.
        num_decoder_layers (`int`, defaults to 24): layers of the token decoder.
        intermediate_size (`int`, *optional*): width inside the feed-forward; `None` means `4 * hidden_size`.
        max_text_length (`int`, defaults to 77): text positions.
        visual_grid (`tuple[int, int, int]`, defaults to `(10, 21, 21)`): frames, rows and columns with learnt
            positions.
        frame_rate (`float`, defaults to 2.5): frames a second of the clips that the model learns and draws; clips that
            are given to it are sampled to this rate.
        window (`tuple[int, int, int]`, defaults to `(3, 3, 3)`): full odd extents of the decoder's self-attention,
            along time, height and width.
        input_window (`tuple[int, int, int]`, *optional*): likewise of the decoder's input taps, nowhere larger than
            `window`; `None` means `window`.
        condition_window (`tuple[int, int, int]`, defaults to `(3, 3, 3)`): full odd extents of the attention within a
            visual condition (a sketch, the known part) and from the decoder to it.
        hidden_dropout (`float`, defaults to 0.0): dropout after each sub-layer, in [0, 1).
        layer_norm_eps (`float`, defaults to 1e-05): added to the variance in every LayerNorm.
        initializer_range (`float`, defaults to 0.02): standard deviation of fresh weights.
        pad_token_id (`int`, defaults to 0): text padding.
        none_token_id (`int` or `tuple[int, ...]`, *optional*): the text token that stands for the constant condition
            "None", or several tokens; `None` means 4, or with a CLIP text encoder its empty text: `bos_token_id` and
            `eos_token_id` of `text_encoder_config`. With OpenAI's CLIPs it must be given: theirs are not those of the
            tokenizer.
        text_encoder_config (`dict` or `CLIPTextConfig`, *optional*): sizes of a `CLIPTextModel` that reads the texts;
            `None` means that our own encoder reads them, like every other condition.
        vqgan_digest (`str`, *optional*): digest of the codec whose tokens the model learnt
            (`nuwa_hf.modeling.codec.digest`); `None` means that it is not known, and nothing is checked.
        sketch_vqgan_digest (`str`, *optional*): likewise of the codec of sketches.
        learnt_tasks (`tuple[str, ...]`, *optional*): short names of the tasks that the model learnt, such as `"T2V"`;
            `None` means that they are not known.

    Raises:
        ConfigurationError: If a field has a wrong type or the sizes do not fit together; it is a `ValueError` and a
            `StrictDataclassError`.
        ValueError: If a keyword looks like a misspelt field, or is what other models call one.
    """

    model_type = "nuwa"
    attribute_map = {"layer_norm_epsilon": "layer_norm_eps"}  # noqa: RUF012 (transformers reads a plain dict)
    base_model_fsdp_plan = {  # noqa: RUF012 (transformers reads a plain dict)
        "encoder.layers.*": "free_full_weight",
        "decoder.layers.*": "free_full_weight",
    }
    sub_configs_defaults = {  # noqa: RUF012 (transformers reads a plain dict)
        # By type instead of class: `registration` imports this file while transformers is only partly imported, when
        # the configuration classes of its models cannot be imported yet.
        "text_encoder_config": SubConfigSpec(config_class=AutoConfig, model_type=TEXT_ENCODER_TYPE, optional=True)
    }

    vocab_size: int = 49408
    codebook_size: int = 12288
    sketch_codebook_size: int = 1024
    hidden_size: int = 1280
    num_attention_heads: int = 20
    num_encoder_layers: int = 12
    num_decoder_layers: int = 24
    intermediate_size: int | None = None
    max_text_length: int = 77
    visual_grid: tuple[int, int, int] | list[int] = (10, 21, 21)
    frame_rate: float | int = 2.5
    window: tuple[int, int, int] | list[int] = (3, 3, 3)
    input_window: tuple[int, int, int] | list[int] | None = None
    condition_window: tuple[int, int, int] | list[int] = (3, 3, 3)
    hidden_dropout: float | int = 0.0
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    none_token_id: int | tuple[int, ...] | list[int] | None = None
    text_encoder_config: dict | PreTrainedConfig | None = None
    vqgan_digest: str | None = None
    sketch_vqgan_digest: str | None = None
    learnt_tasks: tuple[str, ...] | list[str] | None = None
    is_encoder_decoder: bool = True

    def __post_init__(self, **kwargs):
        _refuse_other_names(kwargs.keys() - self.attribute_map.keys())
        if self.intermediate_size is None:
            self.intermediate_size = 4 * self.hidden_size
        self.visual_grid = tuple(self.visual_grid)  # JSON gives lists back
        self.window = tuple(self.window)
        if self.input_window is not None:
            self.input_window = tuple(self.input_window)
        self.condition_window = tuple(self.condition_window)
        _check_text_encoder(self.text_encoder_config)
        super().__post_init__(**kwargs)  # makes a CLIPTextConfig of a dict
        text = self.text_encoder_config
        if self.none_token_id is None:
            self.none_token_id = NONE_TOKEN_ID if text is None else _empty_text(text)
        if isinstance(self.none_token_id, list):
            self.none_token_id = tuple(self.none_token_id)
        if self.learnt_tasks is not None:
            self.learnt_tasks = tuple(self.learnt_tasks)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """Load a configuration from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub.
            kwargs: everything that `PreTrainedConfig.from_pretrained` takes.

        Returns:
            The configuration.

        Raises:
            OSError: If there is no configuration of a transformer, or the file is broken.
        """
        folder = Path(pretrained_model_name_or_path, kwargs.get("subfolder") or "")
        if is_local_path(pretrained_model_name_or_path) and folder.is_dir():
            check_json_files(folder)
        with naming_what_is_broken(pretrained_model_name_or_path):
            return super().from_pretrained(pretrained_model_name_or_path, **kwargs)

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The fields of a saved configuration.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): as `from_pretrained` takes it.
            kwargs: likewise.

        Returns:
            `tuple[dict[str, Any], dict[str, Any]]`: names and values, and the arguments that are left.

        Raises:
            OSError: If there is no configuration of a transformer: transformers would take the default.
        """
        found, others = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        if "model_type" not in found:
            place = "/".join(filter(None, (os.fspath(pretrained_model_name_or_path), kwargs.get("subfolder"))))
            raise OSError(
                f"No transformer: {place} has no config.json of one; give the folder or the repository that it was "
                "saved to, or the `subfolder` where it lies."
            )
        return found, others

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Self:
        """A configuration of fields as JSON holds them.

        Args:
            config_dict (`dict`): names and values.
            kwargs: fields that replace these, and what `PreTrainedConfig.from_dict` takes. What replaces a part of
                `text_encoder_config` leaves the rest of it.

        Returns:
            The configuration; with `return_unused_kwargs=True` also what is no field.

        Raises:
            ConfigurationError: If a field has a wrong type or the sizes do not fit together.
            ValueError: As for the class; transformers leaves out what is no field.
        """
        known = {field.name for field in fields(cls)}
        _refuse_other_names(kwargs.keys() - known - cls.attribute_map.keys())
        # transformers sets these on the finished configuration, which checks no more than their types then.
        ours = known - {field.name for field in fields(PreTrainedConfig)}
        names = ours - cls.sub_configs_defaults.keys()
        given = {name: kwargs.pop(name) for name in names & kwargs.keys()}
        return super().from_dict({**config_dict, **given}, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON takes them; there is none for a window of the input like that of the attention, nor for
        what is not known of the training.

        Returns:
            `dict[str, Any]`: names and values.
        """
        values = super().to_dict()
        for name in ("input_window", "vqgan_digest", "sketch_vqgan_digest", "learnt_tasks"):
            if values.get(name) is None:
                values.pop(name, None)
        return values

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields as a file holds them; without a CLIP text encoder there is none for one.

        Returns:
            `dict[str, Any]`: names and values.
        """
        values = super().to_diff_dict()
        if values.get("text_encoder_config") is None:
            values.pop("text_encoder_config", None)
        return values

    @property
    def none_token_ids(self) -> tuple[int, ...]:
        """The tokens of the constant "None" condition."""
        return (self.none_token_id,) if isinstance(self.none_token_id, int) else self.none_token_id

    @property
    def num_hidden_layers(self) -> int:
        """The decoder's layers: what transformers' helpers mean by a model's depth."""
        return self.num_decoder_layers

    @num_hidden_layers.setter
    def num_hidden_layers(self, value: int) -> None:
        _refuse_other_names(["num_hidden_layers"])

    def get_visual_grid(self) -> Grid:
        """The largest grid that has learnt positions."""
        return Grid(*self.visual_grid)

    def get_input_window(self) -> tuple[int, int, int]:
        """The extents of the input taps, as given or those of `window`."""
        return self.window if self.input_window is None else self.input_window

    def validate_names(self):
        """No attribute that was set later is a misspelt field or what other models call one: it would be saved, and
        refused when it is loaded.

        Raises:
            ValueError: With the name and the field.
        """
        _refuse_other_names(vars(self).keys() - {field.name for field in fields(self)})

    def validate_kind(self):
        """What transformers reads of every model says what this one is.

        Raises:
            ValueError: With the field, the rule and the value.
        """
        for name, value in (("is_encoder_decoder", True), ("tie_word_embeddings", False)):
            if getattr(self, name, value) is not value:
                raise ValueError(
                    f"`{name}` must be {value}, got {getattr(self, name)}: the encoder reads text, the decoder "
                    "writes visual tokens; leave it out."
                )

    def validate_sizes(self):
        """Every size is at least 1, and the heads divide the width.

        Raises:
            ValueError: With the field, the rule and the value.
        """
        for name in (
            "vocab_size",
            "codebook_size",
            "sketch_codebook_size",
            "hidden_size",
            "num_attention_heads",
            "num_encoder_layers",
            "num_decoder_layers",
            "intermediate_size",
            "max_text_length",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}; use 1 or more.")
        for name in ("num_encoder_layers", "num_decoder_layers"):
            if getattr(self, name) > MOST_LAYERS:  # which would be built for ever
                raise ValueError(f"`{name}` must be at most {MOST_LAYERS}, got {getattr(self, name)}; use fewer.")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"`hidden_size` must be a multiple of `num_attention_heads`, got {self.hidden_size} and "
                f"{self.num_attention_heads}; change one of them."
            )
        if not 0 <= self.hidden_dropout < 1:
            raise ValueError(f"`hidden_dropout` must be in [0, 1), got {self.hidden_dropout}; 0 is none.")

        for name in ("layer_norm_eps", "initializer_range"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be a finite number above 0, got {getattr(self, name)}; leave it out.")

    def validate_grid(self):
        """The grid has three extents of at least 1, each window has three odd extents, and that of the input lies
        within that of the attention.

        Raises:
            ValueError: With the field, the rule and the value.
        """
        if len(self.visual_grid) != 3 or any(extent < 1 for extent in self.visual_grid):
            grid = self.visual_grid
            raise ValueError(
                f"`visual_grid` must be three extents (t, h, w) of at least 1, got {grid}; give all three."
            )
        for name in ("window", "input_window", "condition_window"):
            window = getattr(self, name)
            if window is None:
                continue
            if len(window) != 3 or any(extent < 1 or extent % 2 == 0 for extent in window):
                raise ValueError(
                    f"`{name}` must be three odd extents (t, h, w) such as (3, 3, 3), got {window}; use odd ones."
                )
        if any(near > seen for near, seen in zip(self.get_input_window(), self.window, strict=True)):
            raise ValueError(
                f"`input_window` must be nowhere larger than `window` {self.window}, got {self.input_window}; leave "
                "it out for the same."
            )

    def validate_frame_rate(self):
        """The frame rate is from 0.01 to 1000.

        Raises:
            ValueError: With the field, the rule, the value and the remedy.
        """
        check_frame_rate(self.frame_rate)

    def validate_text_tokens(self):
        """The special tokens are in the vocabulary.

        Raises:
            ValueError: With the field, the rule and the value.
        """
        for name, tokens in (("pad_token_id", (self.pad_token_id,)), ("none_token_id", self.none_token_ids)):
            if not tokens or any(token is None or not 0 <= token < self.vocab_size for token in tokens):
                raise ValueError(
                    f"`{name}` must be in [0, vocab_size = {self.vocab_size}), got {getattr(self, name)}; use the "
                    "tokenizer's."
                )

    def validate_text_encoder(self):
        """A CLIP text encoder has the same vocabulary and enough positions, and "None" is its empty text.

        Raises:
            ValueError: With the field, the rule and the value.
        """
        text = self.text_encoder_config
        if text is None:
            return
        if text.vocab_size != self.vocab_size:
            raise ValueError(
                f"`vocab_size` must be that of `text_encoder_config`, {text.vocab_size}, got {self.vocab_size}; "
                "leave it out."
            )
        if text.max_position_embeddings < self.max_text_length:
            raise ValueError(
                "`max_text_length` must be at most the positions of `text_encoder_config`, "
                f"{text.max_position_embeddings}, got {self.max_text_length}; use less."
            )
        if len(self.none_token_ids) < 2:
            raise ValueError(
                "`none_token_id` must be the empty text, its first and last token, with a `text_encoder_config`, got "
                f"{self.none_token_id}; give `tokenizer('').input_ids`."
            )

    @classmethod
    def from_preset(cls, name: str, **overrides) -> "NuwaConfig":
        """A configuration by name.

        The paper's presets have the paper's `condition_window`; the others one that fits the grid
        (`nuwa_hf.modeling.presets.condition_window_of`), also where an override replaces the grid. The preset's
        `input_window` belongs to its `window`: where an override replaces that alone, the input reads all of it.

        Args:
            name (`str`): `"nuwa-336"`, `"nuwa-256"` (the paper's), `"base"`, `"small"`, `"tiny"` or `"emoji-motion"`
                (that of the embedded checkpoint).
            **overrides: fields that replace the preset's.

        Raises:
            ValueError: If the name is unknown.
        """
        if name not in PRESETS:
            raise ValueError(f"`name` must be one of {sorted(PRESETS)}, got {name!r}.")
        values = {**PRESETS[name], **overrides}
        if "window" in overrides and "input_window" not in overrides:
            values.pop("input_window", None)
        values.setdefault("condition_window", condition_window_of(Grid(*values["visual_grid"])))
        return cls(**values)


def _refuse_other_names(names: Iterable[str]) -> None:
    refuse_other_names(names, [field.name for field in fields(NuwaConfig)])


def _check_text_encoder(text_encoder_config: Any) -> None:
    """Refuse the configuration of a whole CLIP, which transformers would silently replace by default values."""
    is_config = isinstance(text_encoder_config, PreTrainedConfig)
    kind = text_encoder_config.model_type if is_config else (text_encoder_config or {}).get("model_type")
    if kind not in (None, TEXT_ENCODER_TYPE):
        raise ValueError(
            f"`text_encoder_config` must be that of a CLIPTextModel, got one of model type {kind!r}; give the "
            "`text_config` of a whole CLIP."
        )


def _empty_text(text_encoder_config: PreTrainedConfig) -> tuple[int, int]:
    """What CLIP's tokenizer writes for an empty text, as far as the configuration can be believed."""
    tokens = (text_encoder_config.bos_token_id, text_encoder_config.eos_token_id)
    if tokens[1] == WRONG_EOS or not all(isinstance(token, int) for token in tokens):
        raise ValueError(
            "`none_token_id` must be given where `text_encoder_config` does not hold the tokenizer's first and last "
            f"token, as those of OpenAI's CLIPs do not, got {tokens}; give `tokenizer('').input_ids`."
        )
    return tokens


__all__ = ["NuwaConfig"]
