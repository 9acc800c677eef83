# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging
from dataclasses import replace

import pytest

from nuwa_hf import NuwaConfig
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.preset_defaults import FROM_NOTHING, TABLE, nearest_preset, with_defaults


FRESH = NuwaArguments(output_dir="out", vqgan="a", tokenizer="b", tokens=["c"])
STARTED = NuwaArguments(output_dir="out", checkpoint="a", tokens=["c"])
FILLED = ("optimizer", "learning_rate", "muon_learning_rate", "ema_decay", "warmup_ratio")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fills_in_valid_arguments_for_whatever_is_learnt(preset):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    runs = [with_defaults(replace(FRESH, preset=preset), None)]
    for fine_tune in TABLE[preset].keys() - {FROM_NOTHING}:
        runs.append(with_defaults(replace(STARTED, fine_tune=fine_tune), NuwaConfig.from_preset(preset)))
    assert len(runs) == 4
    assert all(getattr(run, name) is not None for run in runs for name in FILLED)


def test_what_is_given_stays_and_adamw_alone_has_a_rate_of_its_own(caplog):
    row = TABLE["tiny"][FROM_NOTHING]
    given = replace(FRESH, preset="tiny", muon_learning_rate=0.5, ema_decay=0.25)
    filled = with_defaults(given, None)
    assert (filled.optimizer, filled.muon_learning_rate, filled.ema_decay) == ("muon", 0.5, 0.25)
    assert filled.learning_rate == row.learning_rate
    assert with_defaults(replace(given, optimizer="adamw"), None).learning_rate == row.adamw_learning_rate
    with caplog.at_level(logging.INFO, logger="nuwa_hf"):
        for optimizer in ("adamw", "muon"):
            with_defaults(replace(given, optimizer=optimizer, muon_learning_rate=None), None)
    assert ["muon_learning_rate" in message for message in caplog.messages] == [False, True]  # only where it is used
    assert with_defaults(filled, None) == filled  # nothing is left to fill in


def test_a_transformer_to_start_from_and_replaced_sizes_take_the_row_of_the_nearest_preset():
    start = NuwaConfig.from_preset("small", num_decoder_layers=9, vocab_size=60)
    assert nearest_preset(start) == "small"
    filled = with_defaults(replace(STARTED, fine_tune="frozen-encoder", preset="nuwa-336"), start)
    assert filled.muon_learning_rate == TABLE["small"]["frozen-encoder"].muon_learning_rate
    large = with_defaults(replace(FRESH, preset="emoji-motion", hidden_size=1280, num_attention_heads=20), None)
    assert large.muon_learning_rate == TABLE["base"][FROM_NOTHING].muon_learning_rate
