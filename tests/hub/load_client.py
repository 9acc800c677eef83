# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Loads what `push_client.py` pushed, with the package alone: python load_client.py FOLDER_TO_WORK_IN."""

import json
import re
import sys
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from huggingface_hub import hf_hub_download
from transformers import AutoProcessor

import nuwa_hf
from nuwa_hf import NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaTokenizer, NuwaVQGAN


WORK = Path(sys.argv[1])
PUSHED = json.loads((WORK / "pushed.json").read_text(encoding="utf-8"))
PROMPT = "a red apple"
SEEN = {"drawn": {}, "raised": {}, "classes": {}}


def note(name, pipeline):
    pipeline.set_progress_bar_config(disable=True)
    SEEN["classes"][name] = type(pipeline).__name__
    tokens = pipeline(PROMPT, generator=torch.Generator().manual_seed(0), output_type="latent").tokens
    weights = sum(float(parameter.double().sum()) for parameter in pipeline.transformer.parameters())
    SEEN["drawn"][name] = [tokens.tolist(), weights]


def note_processor(name, processor):
    SEEN["classes"][name] = type(processor).__name__
    model = NuwaForConditionalGeneration.from_pretrained("tester/transformer")
    tokens = model.generate(**processor(text=PROMPT), generator=torch.Generator().manual_seed(0)).tokens
    SEEN["drawn"][name] = [tokens.tolist(), sum(float(weight.double().sum()) for weight in model.parameters())]


def note_error(name, load, *arguments, **options):
    try:
        load(*arguments, **options)
    except Exception as error:
        SEEN["raised"][name] = [type(error).__name__, str(error)]


def from_parts(repo_of_part, **options_of_part):
    classes = {"vqgan": NuwaVQGAN, "transformer": NuwaForConditionalGeneration, "tokenizer": NuwaTokenizer}
    return NuwaTextToVideoPipeline(
        **{
            name: cls.from_pretrained(repo_of_part(name), **{key: of(name) for key, of in options_of_part.items()})
            for name, cls in classes.items()
        }
    )


def run_card(repo_id):
    """Runs each block of the card alone, and returns the pipelines that they make."""
    card = Path(hf_hub_download(repo_id, "README.md")).read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL):
        names = {}
        exec(compile(block, repo_id, "exec"), names)
        yield names["pipeline"]


load = NuwaTextToVideoPipeline.from_pretrained
note("by DiffusionPipeline", DiffusionPipeline.from_pretrained("tester/pipeline"))
note("by its class", load("tester/pipeline"))
note(
    "by another task's class",
    nuwa_hf.NuwaTextToVideoPipeline.from_pipe(nuwa_hf.NuwaVideoPredictionPipeline.from_pretrained("tester/pipeline")),
)
note("parts", from_parts(lambda name: f"tester/{name}"))
note("subfolders", from_parts(lambda name: "tester/pipeline", subfolder=lambda name: name))
note_processor("processor", AutoProcessor.from_pretrained("tester/processor"))
note_processor("saved processor", AutoProcessor.from_pretrained("tester/saved-processor"))
note_processor("processor of a pipeline", nuwa_hf.NuwaProcessor.from_pretrained("tester/pipeline"))
note("branch", load("tester/pipeline", revision="next/second"))
note("commit", load("tester/pipeline", revision=PUSHED["commits"]["second"].rsplit("/", 1)[1]))
note("private", load("tester/secret"))
note("fp16", load("tester/variants", variant="fp16", dtype=torch.float32))
note("no variant", load("tester/variants"))
for name in ("sharded", "cut", "healed", "shaken"):
    note(name, load(f"tester/{name}"))
note("command", load("tester/command", revision="v2"))
for number, pipeline in enumerate(run_card("tester/card")):
    note(f"card {number}", pipeline)
for pipeline in run_card("tester/adapter"):
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    note("adapter", pipeline)

# By the card, and by the model's class.
(of_card,) = run_card("tester/of-embedded")
model = NuwaForConditionalGeneration.from_pretrained("tester/of-embedded")
pairs = zip(of_card.transformer.state_dict().values(), model.state_dict().values(), strict=True)
SEEN["of_embedded"] = [len(model.peft_config), all(torch.equal(one, other) for one, other in pairs)]

note_error("private without a token", load, "tester/secret", token=False, cache_dir=WORK / "empty")
note_error("no such repository", load, "tester/missing")
note_error("no such model", NuwaForConditionalGeneration.from_pretrained, "tester/missing")
note_error("no such VQ-GAN", NuwaVQGAN.from_pretrained, "tester/missing")
note_error("no such revision", load, "tester/pipeline", revision="missing")
note_error("no such variant", load, "tester/card", variant="bf16")

(WORK / "loaded.json").write_text(json.dumps(SEEN), encoding="utf-8")
