# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One fresh process of `start_up.py`: imports, loads, makes videos and prints the times as one line of JSON.

From `import nuwa_hf` to the pipeline's class the waiting is taken apart: torch, for which every user of torch
waits; the package beyond it; and what the first access to the class imports, transformers and diffusers above all.

python -m benchmarks.pipeline.start_up_probe "a rocket flies upwards" runs/nuwa/pipeline
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
    import torch

    times.append(time.perf_counter())
    import nuwa_hf

    times.append(time.perf_counter())
    pipeline_class = nuwa_hf.NuwaTextToVideoPipeline
    times.append(time.perf_counter())
    pipeline = pipeline_class.from_pretrained(checkpoint or nuwa_hf.DEMO_CHECKPOINT)
    pipeline.set_progress_bar_config(disable=True)
    times.append(time.perf_counter())
    for seed in range(1 + num_next):
        pipeline(prompt, generator=torch.Generator().manual_seed(seed))
        times.append(time.perf_counter())
    spans = [end - start for start, end in pairwise(times)]
    found = {
        "import_torch": spans[0],
        "import": spans[1],
        "pipeline_class": spans[2],
        "load": spans[3],
        "first_video": spans[4],
        "next_video": spans[5:],
        "parameters": pipeline.transformer.num_parameters(),
        "grid": pipeline.transformer.config.visual_grid,
        "steps": pipeline.num_timesteps,
        "guidance_scale": pipeline.guidance_scale,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:3])
