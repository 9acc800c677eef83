# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One fresh process of `start_up.py`: imports, loads, makes videos and prints the times as one line of JSON.

python benchmarks/start_up_probe.py "a rocket flies upwards" runs/nuwa/pipeline
"""

import json
import sys
import time
from itertools import pairwise


def main(prompt: str, checkpoint: str | None = None, num_next: int = 3) -> None:
    """Take the times and print them.

    Args:
        prompt (`str`): what to show.
        checkpoint (`str`, *optional*): a pipeline's folder; by default the embedded one.
        num_next (`int`, defaults to 3): videos after the first.
    """
    times = [time.perf_counter()]
    import nuwa_hf

    times.append(time.perf_counter())
    import torch

    pipeline = nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(checkpoint or nuwa_hf.DEMO_CHECKPOINT)
    pipeline.set_progress_bar_config(disable=True)
    times.append(time.perf_counter())
    for seed in range(1 + num_next):
        pipeline(prompt, generator=torch.Generator().manual_seed(seed))
        times.append(time.perf_counter())
    spans = [end - start for start, end in pairwise(times)]
    found = {
        "import": spans[0],
        "load": spans[1],
        "first_video": spans[2],
        "next_video": spans[3:],
        "parameters": pipeline.transformer.num_parameters(),
        "grid": pipeline.transformer.config.visual_grid,
        "steps": pipeline.num_timesteps,
        "guidance_scale": pipeline.guidance_scale,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:3])
