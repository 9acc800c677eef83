# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `train_nuwa`."""

from dataclasses import dataclass, field
from typing import Literal

from nuwa_hf.modeling.configuration_nuwa import PRESETS
from nuwa_hf.training.arguments import RunArguments, argument, require
from nuwa_hf.training.task_batches import parse_task_shares, split_rows, starts_from_sketch


# Arguments that replace a size of the preset.
SIZES = ("hidden_size", "num_attention_heads", "num_encoder_layers", "num_decoder_layers")


@dataclass(kw_only=True)
class NuwaArguments(RunArguments):
    """The arguments of `train_nuwa`.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    vqgan: str = argument(help="Folder of the VQ-GAN that made the tokens.")
    tokenizer: str = argument(help="Folder of the text tokenizer that made the tokens.")
    sketch_vqgan: str | None = argument(
        None, help="Folder of the sketch VQ-GAN that made the tokens; S2I and S2V need it."
    )
    tokens: str = argument(help="Folder of the training token files.")
    validation_tokens: str | None = argument(None, help="Folder of token files for the validation loss.")
    transformer: str | None = argument(None, help="Folder of a transformer to start from, which keeps its sizes.")
    preset: str = argument("emoji-motion", help=f"Sizes by name: {', '.join(PRESETS)}.")
    hidden_size: int | None = argument(None, help="Replaces the preset's width.")
    num_attention_heads: int | None = argument(None, help="Replaces the preset's heads.")
    num_encoder_layers: int | None = argument(None, help="Replaces the preset's encoder layers.")
    num_decoder_layers: int | None = argument(None, help="Replaces the preset's decoder layers.")
    hidden_dropout: float = argument(0.0, help="Dropout after each sub-layer.")
    tasks: list[str] = field(
        default_factory=lambda: ["T2V=0.5", "V2V=0.15", "T2I=0.35"],
        metadata={"help": "Share of each task in the rows of a batch."},
    )
    condition_dropout: float = argument(0.1, help="Probability that a text becomes the constant 'None' condition.")
    optimizer: Literal["adamw", "muon"] = argument("adamw", help="Muon takes the matrices inside the layers.")
    muon_learning_rate: float = argument(1e-3, help="Learning rate of Muon.")
    adam_beta1: float = argument(0.9, help="Decay of Adam's first moment.")
    adam_beta2: float = argument(0.95, help="Decay of Adam's second moment.")
    weight_decay: float = argument(0.01, help="Decoupled weight decay of the matrices.")
    ema_decay: float = argument(0.999, help="Decay of the moving average of the weights, which is what is saved.")
    gradient_checkpointing: bool = argument(False, help="Compute activations again instead of keeping them.")
    compile: bool = argument(False, help="Compile the model with torch.compile.")
    guidance_scale: float = argument(2.0, help="Default guidance written into the finished checkpoint.")
    unguided_temperature: float = argument(0.5, help="Likewise, the default temperature of tasks without a text.")

    def __post_init__(self):
        super().__post_init__()
        for name in ("condition_dropout", "hidden_dropout", "adam_beta1", "adam_beta2", "ema_decay"):
            self.require_share(name)
        self.require_positive("muon_learning_rate")
        self.require_positive("unguided_temperature")
        require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay, "use 0 to leave it out")
        require(self.guidance_scale >= 1, "guidance_scale", "at least 1", self.guidance_scale, "1 turns guidance off")
        require(self.preset in PRESETS, "preset", f"one of {sorted(PRESETS)}", self.preset, "choose one of these")
        resized = [name for name in SIZES if getattr(self, name) is not None]
        require(
            not resized or self.transformer is None,
            "transformer",
            f"None with {resized}",
            self.transformer,
            "drop one",
        )
        is_scaled_muon = self.optimizer == "muon" and self.mixed_precision == "fp16"  # one loss scale, two optimisers
        require(not is_scaled_muon, "mixed_precision", "'no' or 'bf16' with muon", "fp16", "or use adamw")
        shares = parse_task_shares(self.tasks)
        split_rows(shares, self.train_batch_size)
        sketched = [name for name in shares if starts_from_sketch(name)]
        require(
            not sketched or self.sketch_vqgan is not None,
            "sketch_vqgan",
            f"the folder of a sketch VQ-GAN for {sketched}",
            self.sketch_vqgan,
            "name it, or leave these out of `tasks`",
        )
