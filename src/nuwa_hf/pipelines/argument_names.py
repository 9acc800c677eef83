# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Names of arguments that users know from diffusers' pipelines."""

from collections.abc import Collection
from typing import Any

from nuwa_hf.modeling.sampling_arguments import no_such_argument


# Other names of arguments of ours.
OTHER_NAMES = {"mask_image": "mask"}

NO_STEPS = "the number of steps follows from the size of the grid"
NO_NOISE = "no noise is removed; `temperature`, `top_k`, `top_p` and `min_p` say how tokens are drawn"
# What has no meaning here, and what there is instead.
WITHOUT_MEANING = {
    **dict.fromkeys(("num_inference_steps", "num_steps", "steps", "ddim_steps"), NO_STEPS),
    "timesteps": NO_STEPS,
    "sigmas": NO_STEPS,
    "eta": NO_NOISE,
    "guidance_rescale": NO_NOISE,
    "latents": "tokens are drawn from nothing; a `generator` makes them the same again",
    "strength": "what is masked is drawn anew, the rest stays",
    "callback": "there is `callback_on_step_end`",
    "callback_steps": "there is `callback_on_step_end`",
    "cross_attention_kwargs": "attention has no processors to give arguments to",
    "attention_kwargs": "attention has no processors to give arguments to",
    "max_sequence_length": "texts are as long as `transformer.config.max_text_length` says",
}


def own_names(named: dict[str, Any], parameters: Collection[str]) -> dict[str, Any]:
    """The arguments of a call by the names that they have here.

    Args:
        named (`dict[str, Any]`): what was given by name.
        parameters (`Collection[str]`): the names that the call knows.

    Returns:
        `dict[str, Any]`: by these names.

    Raises:
        TypeError: If there is no such argument, or one is given by both of its names.
    """
    given = {}
    for name, value in named.items():
        own = OTHER_NAMES.get(name, name)
        if own not in parameters:
            if name in WITHOUT_MEANING:
                raise TypeError(f"There is no argument `{name}`: {WITHOUT_MEANING[name]}; leave it out.")
            raise no_such_argument(name, [known for known in parameters if known != "self"])
        if own != name and own in named:
            raise TypeError(f"`{name}` is another name of `{own}`, got both; give one of them.")
        given[own] = value
    return given
