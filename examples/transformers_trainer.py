# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Fine-tune a checkpoint with transformers' Trainer.

    python examples/transformers_trainer.py --output_dir outputs/transformers_trainer
    python examples/transformers_trainer.py --output_dir outputs/transformers_trainer --max_steps 30
    python examples/transformers_trainer.py --output_dir outputs/smoothed --label_smoothing_factor 0.1 --bf16

Every argument of `TrainingArguments` is one of this script; on a CPU, `--bf16` needs `--use_cpu`. The second command
goes on from the checkpoint of the first. Run it from the root of the repository: it reads the clips in
`examples/clips`, in about a minute on a CPU. It writes `pipeline`, the whole checkpoint, and `drawn.gif`, what that
draws for a caption. `examples/notebooks/transformers_trainer.ipynb` is the same in cells.
"""

# %%
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.media import write_gif
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.video_input import prepare_videos
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.condition_dropout import draw_dropped, drop_condition


# What differs from the defaults of `TrainingArguments`; flags override it.
DEFAULTS = {
    "num_train_epochs": 7,  # not `max_steps`, beside which a number of epochs would not count
    "per_device_train_batch_size": 4,
    "learning_rate": 3e-4,
    "logging_steps": 5,
    "eval_strategy": "steps",
    "eval_steps": 10,
    "save_steps": 10,
    "report_to": "none",
    "prediction_loss_only": True,  # or evaluation would collect a distribution over the codebook for each token
    "remove_unused_columns": False,
}


@dataclass
class ScriptArguments:
    """What `TrainingArguments` does not have."""

    checkpoint: str = str(DEMO_CHECKPOINT)
    clips: str = "examples/clips"
    text_dropout: float = 0.1  # how often the text is left out, so that guidance knows what a clip without a text is


# %% [markdown]
# Clips become tokens, once. `prepare_videos` brings files to the checkpoint's frame rate and size; any tensor of shape
# (B, T, 3, Y, X) with values in [0, 1] will do. The codec gets a few frames at a time: a large one takes gigabytes
# for ten.


# %%
def tokenized(rows: Dataset, pipeline: NuwaTextToVideoPipeline) -> Dataset:
    """A data set of the model's arguments, from files and captions.

    Args:
        rows (`datasets.Dataset`): with the columns `media` and `text`.
        pipeline (`NuwaTextToVideoPipeline`): its codec and its tokenizer are used.

    Returns:
        `datasets.Dataset`: `input_ids` and `attention_mask` of the text, `visual_tokens` and `labels` of the clip.
    """
    height, width = pipeline.image_size
    sampler = ClipSampler.first_frames(pipeline.frame_rate, None, pipeline.max_frames)
    length = pipeline.transformer.config.max_text_length

    @torch.no_grad()
    def tokens_of(frames: torch.Tensor) -> torch.Tensor:
        return pipeline.codec.encode(2 * frames.to(pipeline.device) - 1).tokens.cpu()

    def encode(batch: dict) -> dict:
        pixels = prepare_videos(batch["media"], height=height, width=width, sampler=sampler).pixels
        tokens = few_at_once(tokens_of, pixels.flatten(0, 1), height=height, width=width)
        tokens = tokens.unflatten(0, pixels.shape[:2])
        texts = pipeline.tokenizer(batch["text"], padding="max_length", truncation=True, max_length=length)
        # `labels` are enough for a loss, but Trainer takes them away where it smooths them itself.
        return {**texts, "visual_tokens": tokens.numpy(), "labels": tokens.numpy()}

    return rows.map(encode, batched=True, batch_size=16, remove_columns=rows.column_names)


# %% [markdown]
# Trainer asks for the logits of all places, which would be the largest tensor of a step. The model's loss works them
# out a part at a time; only smoothed labels need all.


# %%
class LeanTrainer(Trainer):
    """Trainer that asks for no logits where its loss does not need them."""

    def compute_loss(self, model: torch.nn.Module, inputs: dict, *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch, as Trainer computes it."""
        if not self.args.label_smoothing_factor:
            inputs = {**inputs, "logits_to_keep": []}
        return super().compute_loss(model, inputs, *args, **kwargs)


# %% [markdown]
# The transformer is a `PreTrainedModel` whose output has a `loss`, so Trainer takes it as it is. In each epoch, other
# texts are left out. What clips with texts never use is frozen: several processes would wait for its gradients.


# %%
def build_trainer(
    pipeline: NuwaTextToVideoPipeline, rows: Dataset, dropout: float, args: TrainingArguments
) -> Trainer:
    """Trainer on a part of the clips; the others are held out.

    Args:
        pipeline (`NuwaTextToVideoPipeline`): its transformer learns.
        rows (`datasets.Dataset`): with the columns `media` and `text`.
        dropout (`float`): how often a text is left out.
        args (`TrainingArguments`): of the run.

    Returns:
        `Trainer`: ready to train.
    """
    parts = tokenized(rows, pipeline.to(args.device)).train_test_split(test_size=0.25, seed=args.seed)
    none_id, pad_id = pipeline.transformer.config.none_token_id, pipeline.tokenizer.pad_token_id

    def leave_texts_out(batch: dict) -> dict[str, torch.Tensor]:
        tensors = {name: torch.tensor(values) for name, values in batch.items()}
        dropped = draw_dropped(len(tensors["labels"]), dropout)
        ids, mask = drop_condition(tensors["input_ids"], tensors["attention_mask"], dropped, none_id, pad_id)
        return {**tensors, "input_ids": ids, "attention_mask": mask}

    freeze_unused(pipeline.transformer, ["T2V"])
    return LeanTrainer(
        model=pipeline.transformer,
        args=args,
        train_dataset=parts["train"].with_transform(leave_texts_out),
        eval_dataset=parts["test"].with_format("torch"),
    )


# %% [markdown]
# The result is a checkpoint like any other: for pipelines, for `nuwa-hf` and for the Hub.


# %%
def save_and_draw(pipeline: NuwaTextToVideoPipeline, caption: str, folder: Path, seed: int) -> None:
    """Save the whole checkpoint, and write what it draws for a caption."""
    pipeline.to(pipeline.transformer.device).save_pretrained(folder / "pipeline")
    pipeline.transformer.eval()
    frames = pipeline(caption, generator=torch.Generator().manual_seed(seed)).frames[0]
    write_gif(frames, folder / "drawn.gif", fps=pipeline.frame_rate)
    print(f"{folder / 'drawn.gif'}: {caption}")


def main(argv: Sequence[str] | None = None) -> None:
    """Train, or resume training, save and draw."""
    parser = HfArgumentParser([ScriptArguments, TrainingArguments])
    parser.set_defaults(**DEFAULTS)
    script, arguments = parser.parse_args_into_dataclasses(argv)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(script.checkpoint, dtype=torch.float32)
    rows = open_dataset(script.clips)
    trainer = build_trainer(pipeline, rows, script.text_dropout, arguments)
    # Of several processes, the first makes the folder; the others may come here before it is there.
    last = get_last_checkpoint(arguments.output_dir) if Path(arguments.output_dir).is_dir() else None
    trainer.train(resume_from_checkpoint=arguments.resume_from_checkpoint or last)
    # Saved before the evaluation, which rounds the weights themselves with `--bf16_full_eval`.
    if trainer.is_world_process_zero():
        save_and_draw(pipeline, rows[0]["text"], Path(arguments.output_dir), arguments.seed)
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)


# %%
if __name__ == "__main__":
    main()
