# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pushes what `load_client.py` loads, and writes down what it saw: python push_client.py FOLDER_TO_WORK_IN."""

import json
import os
import shutil
import sys
import time
import urllib.request
from pathlib import Path

import peft
import PIL.Image
import torch
from huggingface_hub import ModelCard
from installations import add_installation
from local_hub import STRANGER_TOKEN
from tiny import tiny_pipeline, tiny_transformer

import nuwa_hf
from nuwa_hf.cards.run_card import RunFacts, write_run_card
from nuwa_hf.cli import main
from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.hub.push_space import push_space


WORK = Path(sys.argv[1])
PROMPT = "a red apple"
SEEN = {"drawn": {}, "raised": {}, "commits": {}}


def order(**trouble):
    body = json.dumps(trouble).encode()
    urllib.request.urlopen(urllib.request.Request(f"{os.environ['HF_ENDPOINT']}/control", body, method="PUT")).close()


def note(name, pipeline):
    pipeline.set_progress_bar_config(disable=True)
    tokens = pipeline(PROMPT, generator=torch.Generator().manual_seed(0), output_type="latent").tokens
    weights = sum(float(parameter.double().sum()) for parameter in pipeline.transformer.parameters())
    SEEN["drawn"][name] = [tokens.tolist(), weights]


def note_error(name, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Exception as error:
        SEEN["raised"][name] = [type(error).__name__, str(error)]


def version(name, factor):
    """A folder with a pipeline like the first one but for its transformer's weights."""
    folder = WORK / name
    transformer = tiny_transformer()
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.mul_(factor)
    transformer.generation_config = pipeline.transformer.generation_config
    changed = nuwa_hf.NuwaTextToVideoPipeline(**{**pipeline.components, "transformer": transformer})
    changed.save_pretrained(folder)
    note(name, changed)
    return folder


pipeline = tiny_pipeline("T2V")
# What is not the default, so that a lost generation_config.json is seen.
pipeline.transformer.generation_config.update(guidance_scale=2.5, do_sample=True, top_k=5)
note("first", pipeline)
pipeline.save_pretrained(WORK / "first")
second = version("second", -1.0)

# Every part, and the whole, by its own method.
pipeline.push_to_hub("tester/pipeline")
pipeline.transformer.push_to_hub("tester/transformer")
pipeline.vqgan.push_to_hub("tester/vqgan")
pipeline.tokenizer.push_to_hub("tester/tokenizer")
parts = (pipeline.transformer.config, pipeline.tokenizer, pipeline.vqgan, pipeline.sketch_vqgan)
processor = nuwa_hf.NuwaProcessor.of_config(*parts)
processor.push_to_hub("tester/processor")
processor.save_pretrained(WORK / "saved-processor", push_to_hub=True, repo_id="tester/saved-processor")

# Branches, private repositories, variants, shards.
SEEN["commits"]["second"] = push_folder(second, "tester/pipeline", revision="next/second")
push_folder(WORK / "first", "tester/secret", private=True)
note_error("private onto public", push_folder, WORK / "first", "tester/pipeline", private=True)
half = nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(WORK / "first", dtype=torch.float16)
half.save_pretrained(WORK / "half", variant="fp16")
note("half", nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(WORK / "half", variant="fp16", dtype=torch.float32))
push_folder(WORK / "half", "tester/variants")
push_folder(WORK / "first", "tester/variants")
push_folder(WORK / "first", "tester/sharded")
nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(second).save_pretrained(WORK / "shards", max_shard_size="20KB")
push_folder(WORK / "shards", "tester/sharded")

# Connections that break: the client waits between its tries, this process does not.
wait, time.sleep = time.sleep, lambda seconds: None
for name, factor in (("cut", 0.5), ("healed", -0.5)):
    push_folder(WORK / "first", f"tester/{name}")
    order(cut_uploads=100)
    note_error(name, push_folder, version(name, factor), f"tester/{name}")
    order()
push_folder(WORK / "healed", "tester/healed")
order(cut_uploads=1)
push_folder(version("shaken", 2.0), "tester/shaken")
time.sleep = wait

# Others who push at the same time, and tokens that may not.
for status in (409, 412):
    order(rival_commits=1, conflict_status=status)
    note_error(f"conflict {status}", push_folder, second, "tester/pipeline")
note_error("unknown token", push_folder, second, "tester/other", token="hf_nobody")
note_error("token of a stranger", push_folder, second, "tester/pipeline", token=STRANGER_TOKEN)

# A run's card, and one that the Hub refuses.
shutil.copytree(WORK / "first", WORK / "card")
PIL.Image.new("RGB", (8, 8)).save(WORK / "step_7.png")
facts = RunFacts(
    tasks=["T2V", "T2I"],
    data=["user/clips", str(WORK / "tokens"), "12 clips of a red apple"],
    steps=7,
    scores={"judged motion": 0.75},
    configuration={"learning_rate": 1e-4, "tokens": (str(WORK / "tokens"),)},
    license="apache-2.0",
)
card = write_run_card(WORK / "card", facts=facts, images=[WORK / "step_7.png"])
ModelCard.load(card).validate()
push_folder(WORK / "card", "tester/card", commit_message="With a card")
good = card.read_text(encoding="utf-8")
card.write_text(good.replace("pipeline_tag: text-to-video", "pipeline_tag: text-to-smell"), encoding="utf-8")
note_error("bad card", push_folder, WORK / "card", "tester/bad")

# An adapter, with PEFT's card, which names a folder of this machine, and with ours.
base = nuwa_hf.NuwaForConditionalGeneration.from_pretrained(WORK / "first", subfolder="transformer")
adapted = peft.get_peft_model(
    base, peft.LoraConfig(r=2, lora_alpha=1, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
)
adapted.save_pretrained(WORK / "adapter", save_embedding_layers=False)
push_folder(WORK / "adapter", "tester/bare-adapter", license="mit")
write_run_card(WORK / "adapter", facts=RunFacts(tasks=["T2V"], base_model="tester/pipeline", license="apache-2.0"))
push_folder(WORK / "adapter", "tester/adapter")
merged = adapted.merge_and_unload()
merged.generation_config = pipeline.transformer.generation_config
note("adapter", nuwa_hf.NuwaTextToVideoPipeline(**{**pipeline.components, "transformer": merged}))

# An adapter of the checkpoint that every installation has, in a place of its own.
base = nuwa_hf.NuwaForConditionalGeneration.from_pretrained(nuwa_hf.DEMO_CHECKPOINT, subfolder="transformer")
adapted = peft.get_peft_model(
    base, peft.LoraConfig(r=2, lora_alpha=1, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
)
adapted.save_pretrained(WORK / "of-embedded", save_embedding_layers=False)
write_run_card(WORK / "of-embedded", facts=RunFacts(tasks=["T2I"], base_model="embedded"))
push_folder(WORK / "of-embedded", "tester/of-embedded")

# What was loaded from a folder of this machine, by its own methods.
loaded = nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(WORK / "first")
loaded.push_to_hub("tester/loaded")
loaded.vqgan.push_to_hub("tester/loaded-vqgan")
loaded.load_lora_weights(WORK / "adapter")
note_error("with an adapter", loaded.push_to_hub, "tester/with-an-adapter")

# The app as a Space, as whoever has nuwa_hf from the package index pushes it.
add_installation(WORK / "index")
sys.path.insert(0, str(WORK / "index"))
push_space("tester/demo", checkpoint="tester/pipeline", license="mit")
note_error("private Space onto public", push_space, "tester/demo", private=True)
note_error("no checkpoint", push_space, "tester/no-space", checkpoint="tester/nothing")
note_error("no pipeline", push_space, "tester/no-space", checkpoint="tester/vqgan")
note_error("Space of a stranger", push_space, "tester/demo", token=STRANGER_TOKEN)
url = "git+https://github.com/tester/nuwa_hf@main"
main(["push-space", "tester/own", "--private", "--revision", "v2", "--package_url", url, "--commit_message", "Own"])

# The command.
SEEN["status"] = main(
    [
        "push",
        str(second),
        "tester/command",
        "--private",
        "--revision",
        "v2",
        "--commit_message",
        "Two",
        "--license",
        "mit",
    ]
)

(WORK / "pushed.json").write_text(json.dumps(SEEN), encoding="utf-8")
