# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Optimiser, learning rates, moving average and warm-up that train a transformer well, by its size and by what of it
is learnt. `nuwa-hf train` takes from here whatever is not given.
"""

import logging
import math
from dataclasses import asdict, dataclass, replace

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.training.nuwa.nuwa_arguments import SIZES, NuwaArguments


logger = logging.getLogger(__name__)

FROM_NOTHING = "from nothing"


@dataclass(frozen=True)
class TrainingDefaults:
    """One row of the table.

    Args:
        optimizer (`str`): `"muon"` or `"adamw"`.
        muon_learning_rate (`float`): of Muon.
        learning_rate (`float`): of the AdamW beside Muon.
        adamw_learning_rate (`float`): of AdamW alone.
        ema_decay (`float`): of the moving average of the weights. After s steps it is at most (1 + s) / (10 + s): in a
            run of up to 890 steps all values from 0.99 on do the same, in one of up to 170 all from 0.95 on.
        warmup_ratio (`float`): share of the steps over which the rates rise.
    """

    optimizer: str
    muon_learning_rate: float
    learning_rate: float
    adamw_learning_rate: float
    ema_decay: float
    warmup_ratio: float


_PAPER_SIZE = {
    FROM_NOTHING: TrainingDefaults("adamw", 1e-3, 1e-4, 1e-4, 0.999, 0.05),
    "full": TrainingDefaults("adamw", 2e-4, 5e-5, 5e-5, 0.999, 0.05),
    "frozen-encoder": TrainingDefaults("adamw", 2e-4, 5e-5, 5e-5, 0.999, 0.05),
    "lora": TrainingDefaults("adamw", 1e-3, 2e-4, 2e-4, 0.99, 0.05),
}
_SMALL_SIZE = {  # measured: docs/presets.md
    FROM_NOTHING: TrainingDefaults("muon", 2e-3, 2e-3, 1e-3, 0.99, 0.05),
    "full": TrainingDefaults("muon", 2e-3, 2e-3, 1e-3, 0.99, 0.05),
    "frozen-encoder": TrainingDefaults("muon", 2e-3, 2e-3, 1e-3, 0.99, 0.05),
    "lora": TrainingDefaults("adamw", 5e-3, 5e-3, 5e-3, 0.95, 0.05),
}
# Preset, then what is learnt:      optimiser, Muon's rate, AdamW's beside it, AdamW's alone, average, warm-up
TABLE: dict[str, dict[str, TrainingDefaults]] = {
    "nuwa-336": _PAPER_SIZE,
    "nuwa-256": _PAPER_SIZE,
    "base": {
        FROM_NOTHING: TrainingDefaults("muon", 1e-3, 1e-3, 3e-4, 0.99, 0.05),
        "full": TrainingDefaults("muon", 5e-4, 5e-4, 1e-4, 0.99, 0.05),
        "frozen-encoder": TrainingDefaults("muon", 5e-4, 5e-4, 1e-4, 0.99, 0.05),
        "lora": TrainingDefaults("adamw", 1e-3, 1e-3, 1e-3, 0.95, 0.05),
    },
    "small": {
        FROM_NOTHING: TrainingDefaults("muon", 1.5e-3, 1.5e-3, 5e-4, 0.99, 0.05),
        "full": TrainingDefaults("muon", 7e-4, 7e-4, 2e-4, 0.99, 0.05),
        "frozen-encoder": TrainingDefaults("muon", 7e-4, 7e-4, 2e-4, 0.99, 0.05),
        "lora": TrainingDefaults("adamw", 1e-3, 1e-3, 1e-3, 0.95, 0.05),
    },
    "tiny": _SMALL_SIZE,
    "emoji-motion": _SMALL_SIZE,
}


def nearest_preset(config: NuwaConfig) -> str:
    """The preset whose layers have the most similar number of weights.

    Args:
        config (`NuwaConfig`): the sizes of a transformer.

    Returns:
        `str`: its name.
    """
    size = _size_of_layers(config)
    distances = {name: abs(math.log(_size_of_layers(NuwaConfig.from_preset(name)) / size)) for name in PRESETS}
    return min(distances, key=distances.__getitem__)


def with_defaults(arguments: NuwaArguments, start: NuwaConfig | None) -> NuwaArguments:
    """The arguments with a value for each that the table knows and that is None.

    A fresh transformer takes the values of its preset, or of the preset nearest to its size if sizes are replaced; a
    transformer to start from those of the preset nearest to it, in the row of `fine_tune`.

    Args:
        arguments (`NuwaArguments`): what was given.
        start (`NuwaConfig`, *optional*): sizes of the transformer to start from; None for a fresh one.

    Returns:
        `NuwaArguments`: without None in the table's arguments.

    Raises:
        ValueError: If a value of the table breaks a rule together with those that were given.
    """
    if start is None:
        sizes = {name: value for name in SIZES if (value := getattr(arguments, name)) is not None}
        config = NuwaConfig.from_preset(arguments.preset, **sizes)
        preset, row = nearest_preset(config) if sizes else arguments.preset, FROM_NOTHING
    else:
        preset, row = nearest_preset(start), arguments.fine_tune
    values = asdict(TABLE[preset][row])
    alone = values.pop("adamw_learning_rate")
    is_alone = (arguments.optimizer or values["optimizer"]) == "adamw"
    if is_alone:
        values |= {"learning_rate": alone}
    missing = {name: value for name, value in values.items() if getattr(arguments, name) is None}
    used = {name: value for name, value in missing.items() if not is_alone or name != "muon_learning_rate"}
    if used:
        shown = ", ".join(f"{name} {value}" for name, value in used.items())
        logger.info("Defaults of the preset %r, %s: %s", preset, row, shown)
    return replace(arguments, **missing)


def _size_of_layers(config: NuwaConfig) -> int:
    """The weights of the matrices in the layers: nearly all of a model, whatever its vocabulary and its grid.

    D (4 D + 2 I) an encoder layer, D (8 D + 2 I) a decoder layer.
    """
    width, inner = config.hidden_size, 2 * config.intermediate_size
    layers = config.num_encoder_layers * (4 * width + inner) + config.num_decoder_layers * (8 * width + inner)
    return width * layers
