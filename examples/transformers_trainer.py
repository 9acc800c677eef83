# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Fine-tune a checkpoint with transformers' Trainer.

    python examples/transformers_trainer.py --output_dir outputs/transformers_trainer
    python examples/transformers_trainer.py --output_dir outputs/transformers_trainer --max_steps 30
    python examples/transformers_trainer.py --output_dir outputs/smoothed --label_smoothing_factor 0.1 --bf16

Every argument of `TrainingArguments` is one of this script; on a CPU, `--bf16` needs `--use_cpu`. The second command
goes on from the checkpoint of the first. Run it from the root of the repository: it reads the clips in
`examples/clips`, in about a minute on a CPU. It writes `pipeline`, the whole checkpoint, and `drawn.gif`, what that
draws for a caption.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.media import write_gif
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.video_input import prepare_videos
from nuwa_hf.training.nuwa.condition_dropout import draw_dropped, drop_condition


# What differs from the defaults of `TrainingArguments`; flags override it.
DEFAULTS = {
    "max_steps": 20,
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

    def encode(batch: dict) -> dict:
        pixels = prepare_videos(batch["media"], height=height, width=width, sampler=sampler).pixels
        with torch.no_grad():
            tokens = pipeline.codec.encode(2 * pixels.movedim(2, 1) - 1).tokens
        texts = pipeline.tokenizer(batch["text"], padding="max_length", truncation=True, max_length=length)
        # `labels` are enough for a loss, but Trainer takes them away where it smooths them itself.
        return {**texts, "visual_tokens": tokens.numpy(), "labels": tokens.numpy()}

    return rows.map(encode, batched=True, batch_size=16, remove_columns=rows.column_names)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, or resume training, save and draw."""
    parser = HfArgumentParser([ScriptArguments, TrainingArguments])
    parser.set_defaults(**DEFAULTS)
    script, arguments = parser.parse_args_into_dataclasses(argv)

    pipeline = NuwaTextToVideoPipeline.from_pretrained(script.checkpoint)
    model, tokenizer = pipeline.transformer, pipeline.tokenizer
    rows = open_dataset(script.clips)
    parts = tokenized(rows, pipeline).train_test_split(test_size=0.25, seed=arguments.seed)

    def leave_texts_out(batch: dict) -> dict[str, torch.Tensor]:
        tensors = {name: torch.tensor(values) for name, values in batch.items()}
        dropped = draw_dropped(len(tensors["labels"]), script.text_dropout)
        tensors["input_ids"], tensors["attention_mask"] = drop_condition(
            *(tensors["input_ids"], tensors["attention_mask"], dropped),
            *(model.config.none_token_id, tokenizer.pad_token_id),
        )
        return tensors

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=parts["train"].with_transform(leave_texts_out),
        eval_dataset=parts["test"].with_format("torch"),
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(arguments.output_dir))
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)

    if trainer.is_world_process_zero():
        folder = Path(arguments.output_dir)
        pipeline.to(model.device).save_pretrained(folder / "pipeline")
        caption = rows[0]["text"]
        frames = pipeline(caption, generator=torch.Generator().manual_seed(arguments.seed)).frames[0]
        write_gif(frames, folder / "drawn.gif", fps=pipeline.frame_rate)
        print(f"{folder / 'drawn.gif'}: {caption}")


if __name__ == "__main__":
    main()
