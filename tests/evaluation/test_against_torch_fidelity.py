# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nuwa_hf.evaluation import compare


def write_pictures(folder, generator, brightness):
    folder.mkdir()
    for index in range(14):
        pixels = generator.integers(0, 196, (4, 4, 3)) + generator.integers(0, brightness + 1, 3)
        Image.fromarray(pixels.astype(np.uint8)).resize((32, 32)).save(folder / f"{index:02}.png")


@pytest.mark.processes
def test_scores_of_two_folders_are_those_of_torch_fidelitys_own_command(inception_weights, tmp_path):
    generator = np.random.default_rng(0)
    write_pictures(tmp_path / "generated", generator, 0)
    write_pictures(tmp_path / "real", generator, 60)
    options = "--cpu --json --silent --no-cache --isc --fid --kid --prc --kid-subset-size 14 --batch-size 4"
    command = [sys.executable, "-m", "torch_fidelity.fidelity", "--input1", "generated", "--input2", "real"]
    command += [*options.split(), "--feature-extractor", "inception-v3-compat"]
    command += ["--feature-extractor-weights-path", inception_weights]
    expected = json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout)

    metrics = ["fid", "kid", "is", "precision", "recall"]
    found = compare(
        tmp_path / "generated", tmp_path / "real", metrics, features=[f"inception={inception_weights}"], batch_size=4
    ).scores
    # It means and multiplies in float32, we in float64.
    assert found["fid"].value == pytest.approx(expected["frechet_inception_distance"], rel=1e-5)
    assert found["kid"].value == pytest.approx(expected["kernel_inception_distance_mean"], abs=1e-6)
    assert found["is"].value == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    assert found["precision"].value == pytest.approx(expected["precision"], abs=1e-7)
    assert found["recall"].value == pytest.approx(expected["recall"], abs=1e-7)
    # The two folders differ in all of these, or they would prove nothing.
    assert found["fid"].value > 0.1
    assert found["kid"].value > 1e-4
    assert found["is"].value > 1.001
    assert 0 < found["precision"].value + found["recall"].value < 2
