# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tensor names of nuwa-pytorch 0.7.8, as data: which map to ours, which are dropped, and which cannot map and why.

Legend: D width, L text length, T, H, W token grid, V codebook size.
"""

# Names of a `NUWA` to those of a `NuwaForConditionalGeneration`, where both compute the same from the tensor.
TRANSFORMER_MAP = {
    "text_embedding.embed.weight": "model.text_embeddings.token_embedding.weight",
    "text_abs_pos_emb.embed.weight": "model.text_embeddings.positions.time",
    "image_embedding.embed.weight": "model.decoder.embeddings.token_embedding.weight",
    "video_pos_emb.axial1": "model.decoder.embeddings.positions.time",
    "video_pos_emb.axial2": "model.decoder.embeddings.positions.height",
    "video_pos_emb.axial3": "model.decoder.embeddings.positions.width",
    "to_logits.weight": "head.weight",
}
# Names of a `VQGanVAE` to those of a `NuwaVQGAN`, likewise: the quantiser between its two linear maps.
CODEC_MAP = {
    "vq.project_in.weight": "quant_conv.weight",
    "vq.project_in.bias": "quant_conv.bias",
    "vq.project_out.weight": "post_quant_conv.weight",
    "vq.project_out.bias": "post_quant_conv.bias",
    "vq._codebook.embed": "quantize.embedding.weight",
}

# Regular expressions for names of tensors that are not needed.
CODEC_DROPPED = {
    r"(vgg|discr)\..+": "a network of the codec's losses, which takes no part in coding",
    r"vq\._codebook\.(initted|cluster_size|embed_avg)": "running averages of the codebook's training",
}
TRANSFORMER_DROPPED: dict[str, str] = {}

LAYER = r"(text|video)_transformer\.(layers\.\d+\.\d|net\.blocks\.\d+\.[fg]\.net)\."

CODEC_ATTENTION = (
    r"(encoders|decoders)\.\d+\.(scale|post_norm\.[gb]|to_(qkv|out)\.(weight|bias)|cpb\.net\.\d+(\.0)?\.(weight|bias))"
)

# Regular expressions for names, each with the reason why such a tensor has no place in our model. Several may match.
CODEC_REASONS = {
    r"encoders\.0\.(weight|bias)": "first convolution: 5x5 unless set otherwise, before strided convolutions; ours is "
    "3x3, before residual blocks",
    r"encoders\.\d+\.0\.(weight|bias)": "strided convolution: 4x4 with a leaky ReLU; ours is 3x3, after residual "
    "blocks with group norms and SiLU",
    r"decoders\.\d+\.1\.(weight|bias)": "bilinear upsampling: with a convolution and a leaky ReLU; ours repeats the "
    "nearest pixel",
    r"decoders\.\d+\.(weight|bias)": "last convolution: 1x1; ours is 3x3, after a group norm and SiLU",
    r"(encoders|decoders)\.\d+\.net\.\d+\.(weight|bias)": "residual block: group norms after the convolutions, leaky "
    "ReLU or gates (GLU), and a 1x1 convolution at the end; ours has group norms and SiLU before two convolutions",
    CODEC_ATTENTION: "cosine attention: normalised queries and keys, a learnt scale, a position bias by a small "
    "network and a norm behind; ours has scaled products and a group norm in front",
}
TRANSFORMER_REASONS = {
    r"text_rotary_pos_emb\.inv_freq": "rotary positions: our texts have learnt positions",
    r"video_bos": "<bos> as a place of its own, which every query sees; ours is added to the input of every place",
    r"(text|video)_transformer\.norm\.norm\.(weight|bias)": "stable norm: divides by the largest feature before the "
    "last norm; ours does not",
    LAYER + r"prenorm\.(weight|bias)": "norm in front of a sub-layer that cannot be mapped",
    LAYER + r"postnorm\.(weight|bias)": "sandwich norm: a second norm behind each sub-layer; ours have none",
    LAYER + r"(fn\.){1,2}null_[kv]": "null key and value: every query sees them; ours see none",
    LAYER + r"(fn\.){1,2}talking_heads\.weight": "talking heads: heads are mixed after the softmax; ours are not",
    LAYER + r"(fn\.){1,2}to_(q|kv|out)\.(weight|bias)": "attention that mixes heads after the softmax, sees a null "
    "key or <bos> beside its own keys, and is normalised behind",
    r"video_transformer\..+\.fn\.mask": "one-sided windows: back from a place along each axis, and <bos>; ours lie "
    "around the place and end where raster order does",
    r"video_transformer\..+\.rel_pos_bias\.axial\d": "relative position bias within a window; ours have none",
    LAYER + r"(fn\.){1,2}net\.[03]\.weight": "gated feed-forward (GEGLU): ours has one GELU and no gate",
}
# Reasons that cannot be read from the name alone.
REVERSIBLE = "reversible blocks: two streams of residuals; ours has one"
TOKEN_SHIFT = "token shift: half of the features come from the place above and the place before; ours stay"
DILATED = "dilated windows: places {dilation} apart; ours have no gaps"
