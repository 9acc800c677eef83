# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments that `generate` and `stream` share, with their defaults, descriptions and checks.

Legend: B batch, T, H, W visual grid, L text length, k outputs of each input, n places of one step, V codebook size.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessorList

from nuwa_hf.argument_docs import argument_entries, share_arguments
from nuwa_hf.argument_types import shown


Method = TypeVar("Method", bound=Callable)

# The values at which settings of transformers' `GenerationConfig` change nothing, unless that is 0, False or empty.
CHANGES_NOTHING = {
    "use_cache": True,
    "num_beams": 1,
    "num_beam_groups": 1,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0,
}
# What `generate` returns, which it reads itself.
OUTPUTS = {"return_dict_in_generate", "output_scores"}
# What asks for the tokens of one output each, whatever the generation configuration says.
ONE_OUTPUT_EACH = {"num_return_sequences": 1}
ONLY_TOKENS = {**ONE_OUTPUT_EACH, "return_dict_in_generate": True, "output_scores": False}
# Settings that describe a vocabulary or a file, and have no effect on sampling.
DESCRIPTIONS = {
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "decoder_start_token_id",
    "transformers_version",
    "_from_model_config",
}


@dataclass(frozen=True, kw_only=True)
class SamplingArguments:
    """The arguments that `NuwaForConditionalGeneration.generate` and `.stream` have in common.

    Args:
        generator (`torch.Generator` or `list[torch.Generator]`, *optional*): one for all outputs, or one for each of
            the B k outputs.
        schedule (`str`, *optional*, defaults to `"wavefront"`): `"wavefront"` samples all places of a wave at once,
            `"raster"` one place after another.
        generation_config (`GenerationConfig`, *optional*): supplies the next seven arguments where they are not
            given; the model's own configuration supplies what it leaves open too.
        do_sample (`bool`, *optional*): `False` chooses the likeliest token; tokens are sampled by default.
        temperature (`float` or `list[float]`, *optional*): divides the logits, at least 0; 0 chooses the likeliest
            token. This and the next four may be lists with one number for each of the B k outputs.
        top_k (`int` or `list[int]`, *optional*): keep the k likeliest tokens; 0 keeps all.
        top_p (`float` or `list[float]`, *optional*): keep the smallest set of tokens with at least this total
            probability, in (0, 1].
        min_p (`float` or `list[float]`, *optional*): keep the tokens that are at least this fraction as likely as the
            likeliest, in [0, 1].
        guidance_scale (`float` or `list[float]`, *optional*): s in `none + s (given - none)`, at least 1; 1 is no
            guidance.
        num_return_sequences (`int`, *optional*): k, the number of outputs for each input, which are adjacent in the
            batch; one by default.
        logits_processor (`LogitsProcessorList`, *optional*): further processors of the logits, applied after guidance
            and before temperature, top-k, top-p and min-p, also where the likeliest token is chosen. Each is called
            with `input_ids=None`, since there is no sequence of tokens before a place, and scores of shape
            `(B k n, V)`.
        negative_input_ids (`torch.LongTensor` of shape `(B, L')`, *optional*): the text that guidance leads away from,
            in place of the constant "None".
        negative_attention_mask (`torch.Tensor` of shape `(B, L')`, *optional*): nonzero at its real tokens; by default
            as `attention_mask`.
        encoder_hidden_states (`torch.Tensor` of shape `(B, L, D)`, *optional*): the encoded text, in place of
            `input_ids`; `attention_mask` is then its mask.
        negative_encoder_hidden_states (`torch.Tensor` of shape `(B, L', D)`, *optional*): likewise, in place of
            `negative_input_ids`.
        inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): embeddings of text tokens, in place of
            `input_ids`: what `get_input_embeddings()` makes of them, or vectors that were learnt. Not with CLIP.
        sketch_tokens (`torch.LongTensor` of shape `(B, T', H', W')`, *optional*): a sketch, tokens in
            [0, sketch_codebook_size); guidance leads away from the prediction without it.
        known_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens to keep.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where a token is kept.
        condition_on_known (`bool`, *optional*, defaults to `True`): whether these tokens are a condition too, so that
            each place sees all of them around it. `False` is the paper's way, where a place sees only those before it.
    """

    generator: torch.Generator | list[torch.Generator] | None = None
    schedule: str = "wavefront"
    generation_config: GenerationConfig | None = None
    do_sample: bool | None = None
    temperature: float | list[float] | None = None
    top_k: int | list[int] | None = None
    top_p: float | list[float] | None = None
    min_p: float | list[float] | None = None
    guidance_scale: float | list[float] | None = None
    num_return_sequences: int | None = None
    logits_processor: LogitsProcessorList | None = None
    negative_input_ids: torch.Tensor | None = None
    negative_attention_mask: torch.Tensor | None = None
    encoder_hidden_states: torch.Tensor | None = None
    negative_encoder_hidden_states: torch.Tensor | None = None
    inputs_embeds: torch.Tensor | None = None
    sketch_tokens: torch.Tensor | None = None
    known_tokens: torch.Tensor | None = None
    known_mask: torch.Tensor | None = None
    condition_on_known: bool = True


NAMES = tuple(field.name for field in fields(SamplingArguments))


def takes_sampling_arguments(method: Method) -> Method:
    """Decorator that lets a method with `**arguments` take the fields of `SamplingArguments` and nothing else.

    The method's signature and docstring show these fields after its own arguments.

    Args:
        method (`Callable`): a method that describes its own arguments in its docstring.

    Returns:
        `Callable`: the decorated method.
    """
    signature = inspect.signature(method)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    shared = list(inspect.signature(SamplingArguments).parameters.values())

    @wraps(method)
    def checked(*positional: Any, **given: Any) -> Any:
        own_names = [parameter.name for parameter in own]
        others = {name: value for name, value in given.items() if name not in own_names and name not in NAMES}
        refuse_unknown(others, [*own_names[1:], *NAMES])
        return method(*positional, **{name: value for name, value in given.items() if name not in others})

    checked.__signature__ = signature.replace(parameters=[*own, *shared])
    return share_arguments(argument_entries(SamplingArguments))(checked)


def refuse_unknown(given: dict[str, Any], known: list[str]) -> None:
    """Refuse arguments that have no meaning here.

    Args:
        given (`dict[str, Any]`): names and values of the unknown arguments.
        known (`list[str]`): names of the known arguments.

    Raises:
        TypeError: If transformers does not have such an argument either.
        ValueError: If transformers has it and its value would change something.
    """
    of_transformers = GenerationConfig().to_dict()
    for name in given:
        if name not in of_transformers:
            raise no_such_argument(name, known, of_transformers)
    _refuse(given)


def no_such_argument(name: str, known: Iterable[str], further: Iterable[str] = ()) -> TypeError:
    """The error for an argument that there is not.

    Args:
        name (`str`): its name.
        known (`Iterable[str]`): the arguments that there are.
        further (`Iterable[str]`): names that may have been meant too.

    Returns:
        `TypeError`: with the nearest names.
    """
    known = list(known)
    nearest = difflib.get_close_matches(name, list(dict.fromkeys([*known, *further])))
    meant = f"; did you mean {' or '.join(f'`{other}`' for other in nearest)}?" if nearest else "."
    return TypeError(f"There is no argument `{name}`{meant} There are {', '.join(known)}.")


def refuse_what_cannot_be_obeyed(generation_config: GenerationConfig) -> None:
    """Refuse settings of transformers that the sampling of visual tokens cannot follow.

    Args:
        generation_config (`GenerationConfig`): the settings. Names that transformers does not know are the user's own.

    Raises:
        ValueError: If a setting asks for something that is not supported.
    """
    of_transformers = GenerationConfig().to_dict()
    ours = {*NAMES, *OUTPUTS}
    _refuse({n: value for n, value in generation_config.to_dict().items() if n in of_transformers and n not in ours})


def _refuse(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if name not in DESCRIPTIONS and not _changes_nothing(name, value):
            raise ValueError(
                f"`{name}` must be left out, got {shown(value)}: visual tokens are drawn place by place on the "
                "`grid`, and this setting does not apply to that; a `logits_processor` can change the logits of each "
                "place."
            )


def _changes_nothing(name: str, value: Any) -> bool:
    if isinstance(value, torch.Tensor | np.ndarray):  # which have no truth value of their own
        return False
    return value is None or (value == CHANGES_NOTHING[name] if name in CHANGES_NOTHING else not value)
