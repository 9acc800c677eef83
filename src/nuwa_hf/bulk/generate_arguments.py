# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `nuwa-hf generate`."""

from dataclasses import dataclass
from typing import Literal

from nuwa_hf.tasks import find_task
from nuwa_hf.training.run.run_arguments import argument, require


@dataclass(kw_only=True)
class GenerateArguments:
    """The arguments of `nuwa-hf generate`, which makes an image or a video for each line of a file.

    Raises:
        ValueError: If a value breaks its rule.
    """

    prompts: str = argument(help="File of one JSON object a line: task, prompt, seed, settings (docs/generate.md).")
    output_dir: str = argument(help="Folder of the images or videos. The same command goes on in it.")
    checkpoint: str = argument("embedded", help="A folder or Hub id, or 'embedded'.")
    task: str | None = argument(None, help="Task of the lines that name none, such as text-to-video or T2V.")
    seed: int = argument(0, help="Seed of the first line; line n has seed + n unless it says its own.")
    batch_size: int = argument(8, help="Lines that are sampled together.")
    device: Literal["auto", "cpu"] = argument("auto", help="'auto' takes the accelerator where there is one.")
    engine: Literal["local", "ray"] = argument(
        "local", help="'local': this process, or all that accelerate launch starts. 'ray': a cluster of Ray."
    )
    json: bool = argument(False, help="Print what is in the folder as JSON.")
    num_proc: int | None = argument(None, help="With Ray, its processes; by default one for each GPU, or one.")

    def __post_init__(self):
        require(self.batch_size >= 1, "batch_size", "at least 1", self.batch_size, "the default is 8")
        require(0 <= self.seed < 2**62, "seed", "at least 0 and fit into 62 bits", self.seed, "use for example 0")
        if self.task is not None:
            find_task(self.task)
        processes, is_ray = self.num_proc, self.engine == "ray"
        require(processes is None or is_ray, "num_proc", "left out without Ray", processes, "use accelerate launch")
        require(processes is None or processes > 0, "num_proc", "at least 1", processes, "leave it out")
        for name, allowed in (("device", ("auto", "cpu")), ("engine", ("local", "ray"))):
            value = getattr(self, name)
            require(value in allowed, name, f"one of {list(allowed)}", value, "choose one of these")
