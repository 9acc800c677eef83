# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Somebody without nuwa_hf loads what was pushed with its code, over HTTP, and sees the same pixels."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fresh_environments import environment_without_the_package


pytestmark = pytest.mark.fresh
TESTS = Path(__file__).parents[1]

NOT_INSTALLED = """
import importlib.util, sys
import numpy as np
import torch
drawn = np.load(sys.argv[1])
prompt, generator = "a red apple", torch.Generator().manual_seed(0)
assert importlib.util.find_spec("nuwa_hf") is None
"""
PIPELINE = """
from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained("tester/pipeline-with-code", trust_remote_code=True)
pipeline.set_progress_bar_config(disable=True)
output = pipeline(prompt, generator=generator, output_type="np")
assert type(pipeline).__name__ == "NuwaTextToVideoPipeline"
assert pipeline.transformer.generation_config.top_k == 5
assert (output.frames == drawn["frames"]).all()
"""
SAVED_AGAIN = """
from transformers import AutoTokenizer
pipeline.save_pretrained(sys.argv[2], standalone=True)
again = DiffusionPipeline.from_pretrained(sys.argv[2], trust_remote_code=True)
assert type(again) is type(pipeline)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2], subfolder="tokenizer")
assert type(tokenizer) is type(pipeline.tokenizer), "known by now, so no trust is needed"
"""
OTHER_TASK = """
import nuwa_hf
image = nuwa_hf.NuwaTextToImagePipeline.from_pipe(pipeline)(prompt).images[0]
assert image.size[0] > 0
try:
    nuwa_hf.EmojiMotion
except ImportError as error:
    assert "pip install nuwa_hf" in str(error)
else:
    raise AssertionError("the data sets are not in the copy")
"""
MODEL = """
from pathlib import Path
from transformers import AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer
for where in (("tester/transformer-with-code", {}), ("tester/pipeline-with-code", {"subfolder": "transformer"})):
    model = AutoModelForSeq2SeqLM.from_pretrained(where[0], trust_remote_code=True, **where[1])
    assert type(model).__name__ == "NuwaForConditionalGeneration"
    assert type(AutoModel.from_pretrained(where[0], trust_remote_code=True, **where[1])).__name__ == "NuwaModel"
    assert model.generation_config.top_k == 5
    model.save_pretrained(sys.argv[2])
    assert "auto_map" not in (Path(sys.argv[2]) / "config.json").read_text()
"""
TOKENIZER = """
from transformers import AutoTokenizer
for where in (("tester/pipeline-with-code", {"subfolder": "tokenizer"}), ("tester/tokenizer-with-code", {})):
    tokenizer = AutoTokenizer.from_pretrained(where[0], trust_remote_code=True, **where[1])
    assert tokenizer(prompt).input_ids == drawn["input_ids"].tolist()
    assert tokenizer.none_token_id == 4
"""
PROCESSOR = """
from transformers import AutoProcessor
for name in ("pipeline", "processor"):
    processor = AutoProcessor.from_pretrained(f"tester/{name}-with-code", trust_remote_code=True)
assert processor(text=prompt)["input_ids"][0].tolist()[: len(drawn["input_ids"])] == drawn["input_ids"].tolist()
pixels = processor.decode_videos(torch.from_numpy(drawn["tokens"]), output_type="np")
assert (np.stack(pixels) == drawn["frames"]).all()
"""
CODEC = """
from diffusers import AutoModel
vqgan = AutoModel.from_pretrained("tester/vqgan-with-code", trust_remote_code=True)
pixels = vqgan.decode(torch.from_numpy(drawn["tokens"])).sample.numpy(force=True)
assert (pixels == drawn["decoded"]).all()
"""
WITHOUT_TRUST = """
from diffusers import DiffusionPipeline
from transformers import AutoConfig
for load in (DiffusionPipeline.from_pretrained, AutoConfig.from_pretrained):
    try:
        load("tester/" + ("pipeline" if load.__self__ is DiffusionPipeline else "transformer") + "-with-code",
             trust_remote_code=False)
    except ValueError as error:
        assert "trust_remote_code=True" in str(error)
    else:
        raise AssertionError("code was run that nobody trusted")
assert "nuwa_hf" not in sys.modules
"""


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory):
    """The interpreter of an environment that has all packages of this one but nuwa_hf."""
    return environment_without_the_package(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def drawn(hub, tmp_path_factory):
    """What the pipeline drew before it was pushed, as a file."""
    work = tmp_path_factory.mktemp("pushed_with_code")
    environment = hub.client_environment(work / "home")
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), *sys.path])
    command = [sys.executable, TESTS / "standalone" / "push_with_code.py", work]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return work / "drawn.npz"


PROGRAMS = {
    "pipeline": PIPELINE + SAVED_AGAIN + OTHER_TASK,
    "model": MODEL,
    "tokenizer": TOKENIZER,
    "processor": PROCESSOR,
    "codec": CODEC,
    "without trust": WITHOUT_TRUST,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_environment_without_the_package_loads_it(program, hub, fresh_python, drawn, tmp_path):
    environment = hub.client_environment(tmp_path / "home", token="")
    for name in ("PYTHONPATH", "HF_TOKEN"):
        environment.pop(name, None)
    command = [fresh_python, "-c", NOT_INSTALLED + program, drawn, tmp_path / "saved"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    assert np.load(drawn)["frames"].std() > 0
