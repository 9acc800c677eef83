# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pushes a pipeline and its parts with their code, and notes what they draw: python push_with_code.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import torch
from tiny import tiny_pipeline

from nuwa_hf import NuwaProcessor, NuwaTextToVideoPipeline
from nuwa_hf.cli import main


WORK = Path(sys.argv[1])

tiny = tiny_pipeline("T2V")
# What is not the default, so that a lost generation_config.json is seen.
tiny.transformer.generation_config.update(guidance_scale=2.5, do_sample=True, top_k=5)
tiny.save_pretrained(WORK / "pipeline")
for name in ("transformer", "vqgan", "tokenizer"):
    getattr(tiny, name).save_pretrained(WORK / name)
NuwaProcessor.from_pretrained(WORK / "pipeline").save_pretrained(WORK / "processor")
pipeline = NuwaTextToVideoPipeline.from_pretrained(WORK / "pipeline")
output = pipeline("a red apple", generator=torch.Generator().manual_seed(0), output_type="np")
np.savez(
    WORK / "drawn.npz",
    frames=output.frames,
    tokens=output.tokens.numpy(),
    decoded=pipeline.vqgan.decode(output.tokens).sample.numpy(force=True),
    input_ids=pipeline.tokenizer("a red apple").input_ids,
)
for name in ("pipeline", "transformer", "vqgan", "tokenizer", "processor"):
    assert main(["push", str(WORK / name), f"tester/{name}-with-code", "--standalone"]) in (0, None)
