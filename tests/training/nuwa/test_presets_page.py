# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The table of docs/presets.md is that of the presets and of the formula of the memory."""

from pathlib import Path

from nuwa_hf import NuwaConfig
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.nuwa.memory_estimate import estimate_memory
from nuwa_hf.training.nuwa.preset_choice import MIN_SAMPLES, num_weights
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE


PAGE = (Path(__file__).parents[3] / "docs" / "presets.md").read_text(encoding="utf-8")
MEMORY = ({"mixed_precision": "no"}, {}, {"gradient_checkpointing": True})


def row_of(preset):
    config, optimizer = NuwaConfig.from_preset(preset), TABLE[preset][FROM_NOTHING].optimizer
    memory = [estimate_memory(config, rows=16, optimizer=optimizer, **setting).total for setting in MEMORY]
    cells = (
        f"`{preset}`",
        f"{config.hidden_size}, {config.num_attention_heads}",
        f"{config.num_encoder_layers} + {config.num_decoder_layers}",
        f"{num_weights(preset) / 1e6:.1f} M",
        " x ".join(map(str, config.visual_grid)),
        " x ".join(map(str, config.condition_window)),
        f"{MIN_SAMPLES[preset]:,}" if MIN_SAMPLES[preset] > 1 else "any",
        *(f"{number / 1e9:.1f} GB" for number in memory),
    )
    return f"| {' | '.join(cells)} |"


def test_the_table_has_the_sizes_and_the_memory_of_every_preset():
    block = PAGE.split("<!-- presets:start -->\n")[1].split("\n<!-- presets:end -->")[0]
    assert block.splitlines()[2:] == [row_of(preset) for preset in reversed(PRESETS)]
