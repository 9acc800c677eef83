# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf generate --engine ray` on a cluster of this machine: the files of the other engine."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from tiny import CAPTIONS

from nuwa_hf.bulk.generate_prompts import main


pytestmark = pytest.mark.ray


def pid_of_an_actor():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::ClipWorker" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:  # it has just ended
            continue
    return None


def test_actors_make_the_files_of_one_process_also_if_one_is_killed(checkpoint, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason='Ray is an extra: pip install "nuwa_hf[ray]"')
    file, killed = tmp_path / "prompts.jsonl", []
    lines = [{"task": "T2I", "prompt": CAPTIONS[place % 3], "guidance_scale": 1 + place / 4} for place in range(24)]
    file.write_text("\n".join(map(json.dumps, lines)))
    arguments = ["--prompts", str(file), "--checkpoint", str(checkpoint), "--device", "cpu", "--batch_size", "2"]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the actors; sums are rounded as here
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    main([*arguments, "--output_dir", str(tmp_path / "whole")])
    torch.set_num_threads(threads)

    def kill(event, given):
        """When the first file comes to its place."""
        is_first = event == "os.rename" and Path(str(given[1])).parent == tmp_path / "shared" and not killed
        if is_first and str(given[1]).endswith(".png"):
            killed.append(pid_of_an_actor())
            os.kill(killed[0], signal.SIGKILL)

    sys.addaudithook(kill)
    ray.init(num_cpus=2, log_to_driver=False)
    try:
        main([*arguments, "--output_dir", str(tmp_path / "shared"), "--engine", "ray", "--num_proc", "2"])
    finally:
        ray.shutdown()
    assert killed
    names = [path.name for path in (tmp_path / "whole").glob("[!.]*")]
    assert len(names) == 24 + 2
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "shared" / name).read_bytes()
