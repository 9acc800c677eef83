# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Networks of transformers, read from a folder or the Hub, whole or not at all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HTTPError

from nuwa_hf.evaluation.features.frozen_networks import digest_of_network, freeze
from nuwa_hf.modeling.tokenization_nuwa import SETTINGS_FILES
from nuwa_hf.storage.find_checkpoint import with_settings
from nuwa_hf.storage.hub_errors import is_hub_fault, not_loaded
from nuwa_hf.storage.local_checkpoint import check_local_weights


def load_network(kind: str, path: str, model_class: Any, device: torch.device | str) -> Any:
    """A model with all of its weights.

    Args:
        kind (`str`): of the features, for errors.
        path (`str`): a folder of `save_pretrained`, or a Hub id.
        model_class (`type`): a model of transformers, or one of its Auto classes.
        device (`torch.device` or `str`): where it computes.

    Returns:
        `PreTrainedModel`: frozen, in float32.

    Raises:
        ValueError: If there is no such model, or the weights are not all there or not finite.
        OSError: If the Hub does not answer.
    """
    with _loading(kind, path, model_class.__name__):
        check_local_weights(path)
        model, report = model_class.from_pretrained(
            path, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    if missing := sorted(report["missing_keys"]):
        # transformers would fill these with random numbers and go on.
        raise ValueError(
            f"`{kind}` must hold all weights of a {type(model).__name__}, but {path} lacks {len(missing)}, such as "
            f"{missing[0]!r}; use a model that was trained for it."
        )
    return freeze(model, path, device)


def load_configuration(kind: str, path: str) -> Any:
    """The configuration of a model.

    Args:
        kind (`str`): of the features, for errors.
        path (`str`): a folder of `save_pretrained`, or a Hub id.

    Returns:
        `PreTrainedConfig`.

    Raises:
        ValueError: If there is none.
        OSError: If the Hub does not answer.
    """
    from transformers import AutoConfig  # slow to import

    with _loading(kind, path, "model"):
        return AutoConfig.from_pretrained(path, trust_remote_code=False)


def load_image_processor(kind: str, path: str) -> Any:
    """What prepares pictures for a model: by Pillow, so that torchvision changes no score where it is installed.

    Args:
        kind (`str`): of the features, for errors.
        path (`str`): a folder of `save_pretrained`, or a Hub id.

    Returns:
        `BaseImageProcessor`.

    Raises:
        ValueError: If there is none.
        OSError: If the Hub does not answer.
    """
    from transformers import AutoImageProcessor  # slow to import

    with _loading(kind, path, "image processor"):
        return AutoImageProcessor.from_pretrained(path, backend="pil", trust_remote_code=False)


def load_tokenizer(kind: str, path: str) -> Any:
    """What prepares texts for a model.

    Args:
        kind (`str`): of the features, for errors.
        path (`str`): a folder of `save_pretrained`, or a Hub id.

    Returns:
        `PreTrainedTokenizerFast`.

    Raises:
        ValueError: If there is none.
        OSError: If the Hub does not answer.
    """
    from transformers import AutoTokenizer  # slow to import

    with _loading(kind, path, "tokenizer"):
        given = with_settings(path, SETTINGS_FILES, {})  # AutoTokenizer does without those that the Hub refuses
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False, **given)


def title_of_pretrained(model: Any, path: str) -> str:
    """What a model is called in reports.

    Args:
        model (`PreTrainedModel`): the model.
        path (`str`): where it comes from; of a folder only the name is told.

    Returns:
        `str`: such as `"CLIPModel (clip-vit-base-patch32)"`.
    """
    return f"{type(model).__name__} ({Path(path).resolve().name if Path(path).exists() else path})"


def digest_of_pretrained(model: Any, image_processor: Any, *settings: str) -> str:
    """A digest of a model, of what prepares its pictures, and of what else its features depend on, not of its place.

    Args:
        model (`PreTrainedModel`): with its configuration.
        image_processor (`BaseImageProcessor`): its own.
        *settings (`str`): more.

    Returns:
        `str`: hexadecimal.
    """
    # Where no Pillow is used for it, an image processor of the same settings gives slightly other pixels.
    prepared = (type(image_processor).__name__, image_processor.to_json_string())
    return digest_of_network(model, model.config.to_json_string(), *prepared, *settings)


def as_pictures(frames: torch.Tensor) -> Sequence[Any]:
    """Frames as processors take them.

    Args:
        frames (`torch.ByteTensor` of shape `(B, 3, Y, X)`): in 0..255.

    Returns:
        `list[np.ndarray]`: B arrays of shape `(Y, X, 3)`.
    """
    return list(frames.cpu().movedim(1, -1).numpy())


@contextmanager
def _loading(kind: str, path: str, what: str) -> Iterator[None]:
    """Says which features cannot be read if the block cannot load what they need, or why the Hub did not give it."""
    try:
        yield
    except (HTTPError, OSError, ValueError, ImportError, RuntimeError) as error:
        if is_hub_fault(error):
            raise not_loaded(path, error) from error
        first = str(error).strip().split("\n")[0]
        raise ValueError(
            f"`{kind}` must be the folder or the Hub id of transformers' {what}, but {path!r} is not: {first}"
        ) from error
