# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `train_nuwa`."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Literal

from accelerate.utils import convert_file_size_to_int

from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.pipelines.checks import as_prompt_list
from nuwa_hf.training.nuwa.fine_tuning import LORA_TARGETS, check_peft
from nuwa_hf.training.nuwa.task_shares import parse_task_shares
from nuwa_hf.training.run.run_arguments import RunArguments, argument, require
from nuwa_hf.training.tokens.token_mixture import starts_from_sketch


# Arguments that override a size of the preset.
SIZES = ("hidden_size", "num_attention_heads", "num_encoder_layers", "num_decoder_layers", "window", "input_window")
# The end of the help of arguments whose default is in the table of `preset_defaults`.
BY_SIZE = "By default what suits the size and `fine_tune` (docs/presets.md)."


@dataclass(kw_only=True)
class NuwaArguments(RunArguments):
    """The arguments of `train_nuwa`.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    tokens: list[str] = field(
        metadata={"help": "Folders of training token files; 'FOLDER=2:T2I,I2I' with a weight and the tasks it feeds."}
    )
    validation_tokens: list[str] | None = field(default=None, metadata={"help": "Likewise, for the validation loss."})
    validation_share: float = argument(
        0.0, help="Share of the clips of `tokens` held out for the validation loss, at random by `seed`."
    )
    checkpoint: str | None = argument(
        None,
        help="A whole pipeline to start from, folder, Hub id or 'embedded': what of the next four is not named.",
    )
    vqgan: str | None = argument(
        None, help="The VQ-GAN that made the tokens: a folder or Hub id, its own or a pipeline's."
    )
    tokenizer: str | None = argument(None, help="The text tokenizer that made the tokens, likewise.")
    sketch_vqgan: str | None = argument(
        None, help="The sketch VQ-GAN that made the tokens, likewise; S2I and S2V need it."
    )
    transformer: str | None = argument(None, help="A transformer to start from, likewise; it keeps its sizes.")
    fine_tune: Literal["full", "frozen-encoder", "lora"] = argument("full", help="Which weights are learnt.")
    lora_rank: int = argument(16, help="Rank of the adapters.")
    lora_alpha: float = argument(32.0, help="Scale of the adapters; they count alpha / rank.")
    lora_dropout: float = argument(0.0, help="Dropout of the adapters' inputs.")
    lora_target_modules: list[str] = field(
        default_factory=lambda: list(LORA_TARGETS), metadata={"help": "Linear maps that get adapters."}
    )
    preset: str = argument("emoji-motion", help=f"Sizes by name: {', '.join(PRESETS)}.")
    hidden_size: int | None = argument(None, help="Replaces the preset's width.")
    num_attention_heads: int | None = argument(None, help="Replaces the preset's heads.")
    num_encoder_layers: int | None = argument(None, help="Replaces the preset's encoder layers.")
    num_decoder_layers: int | None = argument(None, help="Replaces the preset's decoder layers.")
    window: list[int] | None = field(
        default=None,
        metadata={"help": "Frames, rows and columns around a place that self-attention sees; else the preset's."},
    )
    input_window: list[int] | None = field(
        default=None, metadata={"help": "Likewise of the tokens that its input reads; else `window`."}
    )
    condition_window: list[int] | None = field(
        default=None,
        metadata={"help": "Likewise of a sketch or a known part; else that of the start, or what fits the grid."},
    )
    hidden_dropout: float = argument(0.0, help="Dropout after each sub-layer.")
    tasks: list[str] = field(
        default_factory=lambda: ["T2V=0.5", "V2V=0.15", "T2I=0.35"],
        metadata={"help": "Share of each task in the rows of a batch."},
    )
    condition_dropout: float = argument(0.1, help="Probability that a text becomes the constant 'None' condition.")
    optimizer: Literal["adamw", "muon"] | None = argument(
        None, help=f"Muon takes the matrices inside the layers. {BY_SIZE}"
    )
    learning_rate: float | None = argument(None, help=f"Learning rate of AdamW after the warm-up. {BY_SIZE}")
    muon_learning_rate: float | None = argument(None, help=f"Learning rate of Muon. {BY_SIZE}")
    warmup_ratio: float | None = argument(
        None, help=f"Share of the steps over which the learning rates rise from 0. {BY_SIZE}"
    )
    adam_beta1: float = argument(0.9, help="Decay of Adam's first moment.")
    adam_beta2: float = argument(0.95, help="Decay of Adam's second moment.")
    weight_decay: float = argument(0.01, help="Decoupled weight decay of the matrices.")
    ema_decay: float | None = argument(
        None, help=f"Decay of the moving average of the weights, which is what is saved. {BY_SIZE}"
    )
    gradient_checkpointing: bool = argument(False, help="Compute activations again instead of keeping them.")
    compile: bool = argument(False, help="Compile the feed-forward of every layer with torch.compile.")
    guidance_scale: float | None = argument(
        None, help="Default guidance written into the finished checkpoint; else that of the start, else 2."
    )
    temperature: float | None = argument(
        None, help="Likewise, the default temperature of tasks with a text; else that of the start, else 1."
    )
    unguided_temperature: float | None = argument(
        None, help="Likewise, that of tasks without a text; else that of the start, else 0.5."
    )
    sample_sheets: bool = argument(True, help="Also draw a sample of each task, every `sample_every` steps.")
    validation_prompts: list[str] | None = field(
        default=None, metadata={"help": "Texts that are drawn as a sheet every `sample_every` steps."}
    )
    max_shard_size: str | None = argument(
        None, help="Largest file of weights in the finished pipeline, such as '5GB'; else diffusers' default."
    )
    license: str | None = argument(None, help="Short name of the licence for the model cards, such as apache-2.0.")
    push_to_hub: bool = argument(False, help="Push the pipeline to the Hub.")
    hub_model_id: str | None = argument(None, help="The repository, such as 'user/model'.")
    hub_private_repo: bool = argument(False, help="Make the repository a private one.")
    hub_every: Literal["checkpoint", "end"] = argument(
        "checkpoint", help="Push at each checkpoint and at the end, or at the end only."
    )

    def __post_init__(self):
        for name in ("tokens", "validation_tokens"):
            if isinstance(getattr(self, name), str):  # one folder in a YAML file
                setattr(self, name, [getattr(self, name)])
        super().__post_init__()
        share, both = self.validation_share, self.validation_tokens is not None
        require(0 <= share < 1, "validation_share", "at least 0 and below 1", share, "use for example 0.1")
        require(not (share and both), "validation_share", "0 with `validation_tokens`", share, "drop one")
        for name in ("condition_dropout", "hidden_dropout", "adam_beta1", "adam_beta2", "ema_decay"):
            self.require_share(name)
        self.require_positive("muon_learning_rate")
        require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay, "use 0 to leave it out")
        scale = self.guidance_scale
        require(scale is None or scale >= 1, "guidance_scale", "at least 1", scale, "1 turns guidance off")
        for name in ("temperature", "unguided_temperature"):
            value = getattr(self, name)
            require(value is None or value > 0, name, "above 0", value, "use 0.5")
        for name in ("window", "input_window", "condition_window"):
            extents = getattr(self, name)
            is_odd = extents is None or (len(extents) == 3 and all(one > 0 and one % 2 for one in extents))
            require(is_odd, name, "three odd numbers: frames, rows and columns", extents, "use for example 3 3 3")
        if self.validation_prompts is not None:
            as_prompt_list("validation_prompts", self.validation_prompts)
        size = self.max_shard_size
        require(_is_file_size(size), "max_shard_size", "a number above 0 with a unit", size, "use for example '5GB'")
        require(self.preset in PRESETS, "preset", f"one of {sorted(PRESETS)}", self.preset, "choose one of these")
        is_scaled_muon = self.optimizer == "muon" and self.mixed_precision == "fp16"  # one loss scale, two optimisers
        require(not is_scaled_muon, "mixed_precision", "'no' or 'bf16' with muon", "fp16", "or use adamw")
        self.check_start()
        self.check_fine_tuning()
        id_ = self.hub_model_id
        require(
            not self.push_to_hub or bool(id_), "hub_model_id", "given with `push_to_hub`", id_, "name a repository"
        )

    def check_start(self) -> None:
        """Check that codec and tokenizer are named.

        Raises:
            ValueError: If one is missing, or sizes are given for an existing transformer.
        """
        if self.checkpoint is None:
            for name in ("vqgan", "tokenizer"):
                value = getattr(self, name)
                require(value is not None, name, "given without `checkpoint`", value, "name it")
        self.refuse_beside_start(SIZES)
        sketched = [name for name in parse_task_shares(self.tasks) if starts_from_sketch(name)]
        require(
            not sketched or self.sketch_vqgan is not None or self.checkpoint is not None,
            "sketch_vqgan",
            f"the folder of a sketch VQ-GAN for {sketched}",
            self.sketch_vqgan,
            "name it, or leave these out of `tasks`",
        )

    def refuse_beside_start(self, sizes: Sequence[str]) -> None:
        """Check that sizes are not given for an existing transformer.

        Args:
            sizes (`Sequence[str]`): names of arguments.

        Raises:
            ValueError: If one is.
        """
        given = [name for name in sizes if getattr(self, name) is not None]
        for name in ("checkpoint", "transformer"):
            start = getattr(self, name)
            require(start is None or not given, name, f"None with {given}", start, "drop one")

    def check_fine_tuning(self) -> None:
        """Check that fine-tuning has a transformer to start from, that LoRA has PEFT and AdamW, and that adapters are
        described for LoRA alone.

        Raises:
            ValueError: If something is missing, or a value breaks its rule.
        """
        self.require_positive("lora_rank")
        self.require_positive("lora_alpha")
        self.require_share("lora_dropout")
        require(bool(self.lora_target_modules), "lora_target_modules", "at least one name", [], "leave it out")
        for entry in fields(self) if self.fine_tune != "lora" else ():
            if entry.name.startswith("lora_"):
                value = getattr(self, entry.name)
                default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
                require(value == default, entry.name, "left out without `fine_tune` lora", value, "see --help")
        if self.fine_tune == "full":
            return
        is_started = self.checkpoint is not None or self.transformer is not None
        require(is_started, "fine_tune", "'full' without a `checkpoint`", self.fine_tune, "name what to fine-tune")
        if self.fine_tune == "lora":
            check_peft()
            # Muon is for full matrices: orthogonal updates of two factors are not an orthogonal update of their
            # product.
            require(self.optimizer != "muon", "optimizer", "'adamw' with lora", self.optimizer, "use adamw")


def _is_file_size(text: str | None) -> bool:
    """Whether a text is a size of files, such as `"14MB"`, as diffusers and transformers read it. None is one too."""
    try:
        return text is None or convert_file_size_to_int(text) > 0
    except ValueError:
        return False
