# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Fine-tune a checkpoint in a plain PyTorch loop.

    python examples/plain_pytorch_loop.py

The model is a `torch.nn.Module` whose output has a `loss`; clips and captions become tensors, and the rest is PyTorch.
Run it from the root of the repository: it reads the clips in `examples/clips` and writes `outputs/plain_pytorch_loop`,
in about a minute on a CPU. `examples/notebooks/plain_pytorch_loop.ipynb` is the same in cells.
"""

# %%
import json
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset, random_split

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline
from nuwa_hf.media import write_gif
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.video_input import prepare_videos
from nuwa_hf.training.nuwa.build_transformer import freeze_unused
from nuwa_hf.training.nuwa.condition_dropout import draw_dropped, drop_condition


CHECKPOINT = DEMO_CHECKPOINT  # or a folder, or a repository's id on the Hub
CLIPS = Path("examples/clips")  # clips, and their captions in metadata.jsonl
OUTPUT = Path("outputs/plain_pytorch_loop")
STEPS = 20
BATCH_SIZE = 4
LEARNING_RATE = 3e-4
TEXT_DROPOUT = 0.1  # how often the text is left out, so that guidance knows what a clip without a text is

# %% [markdown]
# A checkpoint is a pipeline of a codec, a tokenizer and the transformer. Only the transformer learns here. What clips
# with texts never use of it is frozen: in DistributedDataParallel, several processes would wait for its gradients.

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
pipeline = NuwaTextToVideoPipeline.from_pretrained(CHECKPOINT, dtype=torch.float32).to(device)
model, codec, tokenizer = pipeline.transformer, pipeline.codec, pipeline.tokenizer
freeze_unused(model, ["T2V"])

# %% [markdown]
# Clips become tokens, once. `prepare_videos` brings files to the checkpoint's frame rate and size; any tensor of shape
# (B, T, 3, Y, X) with values in [0, 1] will do. The codec gets a few frames at a time: a large one takes gigabytes
# for ten.

# %%
rows = [json.loads(line) for line in (CLIPS / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
height, width = pipeline.image_size
sampler = ClipSampler.first_frames(pipeline.frame_rate, None, pipeline.max_frames)
files = [str(CLIPS / row["file_name"]) for row in rows]
pixels = prepare_videos(files, height=height, width=width, sampler=sampler).pixels  # (B, T, 3, Y, X) in [0, 1]


@torch.no_grad()
def tokens_of(frames: torch.Tensor) -> torch.Tensor:
    """The tokens of frames, (N, H, W)."""
    return codec.encode(2 * frames.to(device) - 1).tokens.cpu()


clips = few_at_once(tokens_of, pixels.flatten(0, 1), height=height, width=width).unflatten(0, pixels.shape[:2])
texts = tokenizer(
    [row["text"] for row in rows],
    padding="max_length",
    truncation=True,
    max_length=model.config.max_text_length,
    return_tensors="pt",
)
data = TensorDataset(texts.input_ids, texts.attention_mask, clips)
held_out, learnt = random_split(data, [4, len(data) - 4], generator=torch.Generator().manual_seed(0))

# %% [markdown]
# The loop. `labels` are the tokens themselves: nothing is shifted, since no place sees its own token. The logits of
# all places would be the largest tensor of a step. The loss needs them a part at a time; `logits_to_keep=[]` asks for
# no others.

# %%
generator = torch.Generator().manual_seed(0)
loader = DataLoader(learnt, BATCH_SIZE, shuffle=True, drop_last=True, generator=generator)
optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)


def loss_of(input_ids: torch.Tensor, attention_mask: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the clips' tokens under their texts, in nats a token."""
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
        return model(
            input_ids=input_ids.to(device),
            attention_mask=attention_mask.to(device),
            labels=tokens.to(device),
            logits_to_keep=[],
        ).loss


@torch.no_grad()
def held_out_loss() -> float:
    """The same for clips that are not learnt."""
    model.eval()
    loss = loss_of(*held_out[:]).item()
    model.train()
    return loss


print(f"step 0: held out {held_out_loss():.3f}")
step = 0
while step < STEPS:
    for input_ids, attention_mask, tokens in loader:
        dropped = draw_dropped(len(tokens), TEXT_DROPOUT, generator)
        input_ids, attention_mask = drop_condition(
            input_ids, attention_mask, dropped, model.config.none_token_id, tokenizer.pad_token_id
        )
        loss = loss_of(input_ids, attention_mask, tokens)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        step += 1
        if step % 5 == 0 or step == STEPS:
            print(f"step {step}: loss {loss.item():.3f}, held out {held_out_loss():.3f}")
        if step == STEPS:
            break

# %% [markdown]
# The result is a checkpoint like any other: for pipelines, for `nuwa-hf` and for the Hub.

# %%
pipeline.save_pretrained(OUTPUT / "pipeline")
model.eval()
caption = rows[0]["text"]
frames = pipeline(caption, generator=torch.Generator().manual_seed(0)).frames[0]
write_gif(frames, OUTPUT / "drawn.gif", fps=pipeline.frame_rate)
print(f"{OUTPUT / 'drawn.gif'}: {caption}")
