# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pushes the embedded checkpoint and a Space on it to the Hub, downloads the Space, and runs its program as the Hub
does: python serve_space.py FOLDER_TO_WORK_IN. The environment says where the Hub is, and the address to serve.
"""

import os
import runpy
import sys
from pathlib import Path

from huggingface_hub import snapshot_download

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.cli import main


work = Path(sys.argv[1])
if main(["push", str(DEMO_CHECKPOINT), "tester/model"]) or main(
    ["push-space", "tester/demo", "--checkpoint", "tester/model", "--package_url", "https://example.com/nuwa_hf.whl"]
):
    raise SystemExit("nothing to serve")
snapshot_download("tester/demo", repo_type="space", local_dir=work / "space")
os.chdir(work / "space")
runpy.run_path("app.py", run_name="__main__")
