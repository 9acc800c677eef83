# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which codecs and which tokenizer token files come from."""

import hashlib
import json
from typing import Any

from diffusers import ModelMixin

from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.tokens.token_files import TokenFiles, bounds_of


def fingerprints(
    vqgan: ModelMixin, tokenizer: NuwaTokenizer, sketch_vqgan: ModelMixin | None = None
) -> dict[str, str]:
    """Hashes of what tokens depend on: each codec's encoder and codebook, and the tokenizer's vocabulary and merges.

    Args:
        vqgan (`ModelMixin`): the codec; its decoder is not hashed.
        tokenizer (`NuwaTokenizer`): the text tokenizer.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches, likewise.

    Returns:
        `dict[str, str]`: `codec`, `text_tokenizer` and, where there is one, `sketch_codec`, for the metadata of token
        files.
    """
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    text = hashlib.sha256(json.dumps(model, sort_keys=True).encode())
    hashes = {"codec": codec_fingerprint(vqgan), "text_tokenizer": text.hexdigest()}
    return hashes if sketch_vqgan is None else {**hashes, "sketch_codec": codec_fingerprint(sketch_vqgan)}


def codec_fingerprint(vqgan: ModelMixin) -> str:
    """A hash of what tokens depend on in a codec: its encoder and codebook.

    Args:
        vqgan (`ModelMixin`): the codec; its decoder is not hashed.

    Returns:
        `str`: hexadecimal.
    """
    codec = hashlib.sha256()
    for name, tensor in sorted(vqgan.state_dict().items()):
        if not name.startswith(("decoder.", "post_quant_conv.")):
            codec.update(name.encode())
            codec.update(tensor.float().cpu().contiguous().numpy().tobytes())
    return codec.hexdigest()


def check_tokens(
    tokens: TokenFiles,
    metadata: dict[str, Any],
    name: str,
    vqgan: ModelMixin,
    tokenizer: NuwaTokenizer,
    sketch_vqgan: ModelMixin | None = None,
    needs_sketches: bool = False,
) -> None:
    """Check that token files come from these codecs and this tokenizer, and have sketches if they are needed.

    Args:
        tokens (`TokenFiles`): the tokens.
        metadata (`dict[str, Any]`): their metadata; files made by other programs may lack the fingerprints.
        name (`str`): the argument that named them.
        vqgan (`ModelMixin`): the codec.
        tokenizer (`NuwaTokenizer`): the tokenizer.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches; without it, sketches are not checked.
        needs_sketches (`bool`, defaults to `False`): whether a task starts from sketches.

    Raises:
        ValueError: If they come from other codecs or another tokenizer, a token is outside the codebook or vocabulary,
            or sketches or their codec are needed and missing.
    """
    if needs_sketches and sketch_vqgan is None:
        raise ValueError("`sketch_vqgan` must be given for tasks that start from a sketch, got None; name its folder.")
    if needs_sketches and tokens.sketch_tokens is None:
        raise ValueError(
            f"`{name}` must hold sketches for tasks that start from one, got files without; run `nuwa-hf tokenize` "
            "with `--sketch_vqgan`, into a new folder."
        )
    ranges = [
        ("visual token", tokens.video_tokens, as_codec(vqgan).codebook_size),
        ("text token", tokens.caption_ids, len(tokenizer)),
        ("text token", tokens.image_caption_ids, len(tokenizer)),
        ("frame", tokens.image_indices, tokens.video_tokens.shape[1]),
    ]
    if sketch_vqgan is not None and tokens.sketch_tokens is not None:
        ranges.append(("sketch token", tokens.sketch_tokens, as_codec(sketch_vqgan).codebook_size))
        if tokens.sketch_tokens.shape != tokens.video_tokens.shape:
            raise ValueError(
                f"`{name}` must have sketches on the grid of its clips, {tuple(tokens.video_tokens.shape[1:])}, got "
                f"{tuple(tokens.sketch_tokens.shape[1:])}; use codecs with the same downsampling."
            )
    for what, values, limit in ranges:
        low, high = bounds_of(values) or (0, 0)
        if low < 0 or high >= limit:
            raise ValueError(
                f"`{name}` must be made by the given codec and tokenizer, got {what} {low if low < 0 else high} where "
                f"only 0 to {limit - 1} are known; run `nuwa-hf tokenize` again."
            )
    for key, value in fingerprints(vqgan, tokenizer, sketch_vqgan).items():
        if metadata.get(key, value) != value:
            raise ValueError(
                f"`{name}` must be made by the given codec and tokenizer, got files of another {key}; run "
                "`nuwa-hf tokenize` again, into a new folder."
            )
