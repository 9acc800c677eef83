# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Names of fields that users know from other models' configurations, and misspelt ones."""

import difflib
from collections.abc import Collection, Iterable


LAYERS = "`num_encoder_layers` and `num_decoder_layers`"
# What the field is called here.
OTHER_NAMES = {
    **dict.fromkeys(("d_model", "n_embd", "embed_dim", "dim"), "`hidden_size`"),
    **dict.fromkeys(("num_layers", "num_hidden_layers", "n_layer", "n_layers"), LAYERS),
    "encoder_layers": "`num_encoder_layers`",
    "decoder_layers": "`num_decoder_layers`",
    **dict.fromkeys(("num_heads", "n_head", "n_heads"), "`num_attention_heads`"),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), "`num_attention_heads`"),
    **dict.fromkeys(("d_ff", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner"), "`intermediate_size`"),
    **dict.fromkeys(("hidden_dropout_prob", "dropout", "dropout_rate", "resid_pdrop"), "`hidden_dropout`"),
    **dict.fromkeys(("attention_dropout", "attention_probs_dropout_prob", "attn_pdrop"), "`hidden_dropout`"),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), "`max_text_length`"),
    "init_std": "`initializer_range`",
    "fps": "`frame_rate`",
}


def refuse_other_names(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse what is no field but looks like one, or is the name of one in other models.

    Args:
        names (`Iterable[str]`): names that are no fields.
        known (`Collection[str]`): the fields.

    Raises:
        ValueError: With the name and the field.
    """
    for name in sorted(names):
        if name in OTHER_NAMES:
            raise ValueError(f"`{name}` is not a field of NuwaConfig; use {OTHER_NAMES[name]}.")
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if close:
            raise ValueError(f"`{name}` is not a field of NuwaConfig; did you mean `{close[0]}`?")
