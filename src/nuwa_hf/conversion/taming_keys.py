# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Names of the tensors in CompVis' taming VQ-GANs and in those of latent-diffusion, as key maps to `NuwaVQGAN`."""

# An attention of taming is four 1x1 convolutions, one of diffusers four linear layers: the same weights in two shapes.
CODEC = {
    "encoder.conv_in.*": "encoder.conv_in.*",
    "encoder.down.{i}.block.{j}.nin_shortcut.*": "encoder.down_blocks.{i}.resnets.{j}.conv_shortcut.*",
    "encoder.down.{i}.block.{j}.*": "encoder.down_blocks.{i}.resnets.{j}.*",
    "encoder.down.{i}.attn.{j}.norm.*": "encoder.down_blocks.{i}.attentions.{j}.group_norm.*",
    "encoder.down.{i}.attn.{j}.q.*": "encoder.down_blocks.{i}.attentions.{j}.to_q.*",
    "encoder.down.{i}.attn.{j}.k.*": "encoder.down_blocks.{i}.attentions.{j}.to_k.*",
    "encoder.down.{i}.attn.{j}.v.*": "encoder.down_blocks.{i}.attentions.{j}.to_v.*",
    "encoder.down.{i}.attn.{j}.proj_out.*": "encoder.down_blocks.{i}.attentions.{j}.to_out.0.*",
    "encoder.down.{i}.downsample.conv.*": "encoder.down_blocks.{i}.downsamplers.0.conv.*",
    "encoder.mid.block_1.*": "encoder.mid_block.resnets.0.*",
    "encoder.mid.attn_1.norm.*": "encoder.mid_block.attentions.0.group_norm.*",
    "encoder.mid.attn_1.q.*": "encoder.mid_block.attentions.0.to_q.*",
    "encoder.mid.attn_1.k.*": "encoder.mid_block.attentions.0.to_k.*",
    "encoder.mid.attn_1.v.*": "encoder.mid_block.attentions.0.to_v.*",
    "encoder.mid.attn_1.proj_out.*": "encoder.mid_block.attentions.0.to_out.0.*",
    "encoder.mid.block_2.*": "encoder.mid_block.resnets.1.*",
    "encoder.norm_out.*": "encoder.conv_norm_out.*",
    "encoder.conv_out.*": "encoder.conv_out.*",
    "quant_conv.*": "quant_conv.*",
    "post_quant_conv.*": "post_quant_conv.*",
    "decoder.conv_in.*": "decoder.conv_in.*",
    "decoder.mid.block_1.*": "decoder.mid_block.resnets.0.*",
    "decoder.mid.attn_1.norm.*": "decoder.mid_block.attentions.0.group_norm.*",
    "decoder.mid.attn_1.q.*": "decoder.mid_block.attentions.0.to_q.*",
    "decoder.mid.attn_1.k.*": "decoder.mid_block.attentions.0.to_k.*",
    "decoder.mid.attn_1.v.*": "decoder.mid_block.attentions.0.to_v.*",
    "decoder.mid.attn_1.proj_out.*": "decoder.mid_block.attentions.0.to_out.0.*",
    "decoder.mid.block_2.*": "decoder.mid_block.resnets.1.*",
    # taming counts the decoder's levels from the outermost, diffusers from the innermost.
    "decoder.up.{i}.block.{j}.nin_shortcut.*": "decoder.up_blocks.{-i}.resnets.{j}.conv_shortcut.*",
    "decoder.up.{i}.block.{j}.*": "decoder.up_blocks.{-i}.resnets.{j}.*",
    "decoder.up.{i}.attn.{j}.norm.*": "decoder.up_blocks.{-i}.attentions.{j}.group_norm.*",
    "decoder.up.{i}.attn.{j}.q.*": "decoder.up_blocks.{-i}.attentions.{j}.to_q.*",
    "decoder.up.{i}.attn.{j}.k.*": "decoder.up_blocks.{-i}.attentions.{j}.to_k.*",
    "decoder.up.{i}.attn.{j}.v.*": "decoder.up_blocks.{-i}.attentions.{j}.to_v.*",
    "decoder.up.{i}.attn.{j}.proj_out.*": "decoder.up_blocks.{-i}.attentions.{j}.to_out.0.*",
    "decoder.up.{i}.upsample.conv.*": "decoder.up_blocks.{-i}.upsamplers.0.conv.*",
    "decoder.norm_out.*": "decoder.conv_norm_out.*",
    "decoder.conv_out.*": "decoder.conv_out.*",
}
DROPPED = {
    "loss.*": None,  # discriminator and perceptual network: of training only
    "colorize": None,  # random colours, for showing class maps
    "model_ema.*": None,  # `with_averages` puts these in the place of the others, if they are wanted
}
NEAREST = {
    **CODEC,
    "quantize.embedding.weight": "quantize.embedding.weight",
    "quantize.embedding.cluster_size": None,  # sums of a codebook that follows averages; the codes are `weight`
    "quantize.embedding.embed_avg": None,
    **DROPPED,
}
GUMBEL = {
    **CODEC,
    "quantize.proj.*": "quantize.projection.*",
    "quantize.embed.weight": "quantize.embedding.weight",
    **DROPPED,
}
KEY_MAPS = {"nearest": NEAREST, "gumbel": GUMBEL}

# A VQ-GAN may lie in the checkpoint of a model that was trained on its tokens or latents, and have neighbours.
NEIGHBOURS = {
    "transformer.*": None,
    "permuter.*": None,
    # Of latent-diffusion: its network, the averages of that, and its schedule of noise.
    "model.*": None,
    "model_ema.*": None,
    "betas": None,
    "alphas_cumprod*": None,
    "sqrt_alphas_cumprod": None,
    "sqrt_one_minus_alphas_cumprod": None,
    "log_one_minus_alphas_cumprod": None,
    "sqrt_recip_alphas_cumprod": None,
    "sqrt_recipm1_alphas_cumprod": None,
    "posterior_*": None,
    "lvlb_weights": None,
    "logvar": None,
    "scale_factor": None,
}
STAGES = {
    "first_stage": {"first_stage_model.*": "*", "cond_stage_model.*": None, **NEIGHBOURS},
    "cond_stage": {"cond_stage_model.*": "*", "first_stage_model.*": None, **NEIGHBOURS},
}
