# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The app as Gradio's blocks."""

import os

import gradio as gr

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.served_blocks import ServedBlocks
from nuwa_hf.app.task_tab import build_tab
from nuwa_hf.cli.run_task import choose_device
from nuwa_hf.cli.task_commands import TASK_COMMANDS


KEPT_SECONDS = 3600  # that uploads and results stay on the disk


def build_app(
    checkpoint: str | os.PathLike = DEMO_CHECKPOINT,
    *,
    compare: str | os.PathLike | None = None,
    device: str | None = None,
    limits: AppLimits | None = None,
) -> gr.Blocks:
    """The app in the browser: the eight tasks on a checkpoint, or on two side by side.

    Args:
        checkpoint (`str` or `os.PathLike`, *optional*, defaults to `DEMO_CHECKPOINT`): a folder or Hub id.
        compare (`str` or `os.PathLike`, *optional*): another one, that gets the same requests.
        device (`str`, *optional*): such as `"cpu"`; by default the accelerator if there is one.
        limits (`AppLimits`, *optional*): how much a visitor may ask for.

    Returns:
        `gr.Blocks`: `launch()` serves it; `close()` ends it.

    Raises:
        OSError: If there is no such checkpoint, or it is incomplete.
        ValueError: If this machine has no such device.

    Example:
        >>> from nuwa_hf.app import build_app  # doctest: +SKIP
        >>> build_app("user/model").launch()  # doctest: +SKIP
    """
    limits, chosen = limits or AppLimits(), choose_device(device)
    names = [checkpoint] if compare is None else [checkpoint, compare]
    loaded = [LoadedCheckpoint.load(name, limits, chosen) for name in names]

    def close() -> None:
        for one in loaded:
            one.sampler.close(cancel_waiting=True)

    app = ServedBlocks(
        max_upload=limits.max_upload,
        on_close=close,
        title="NÜWA",
        analytics_enabled=False,
        delete_cache=(KEPT_SECONDS, KEPT_SECONDS),
    )
    with app:
        gr.Markdown("# NÜWA", elem_id="title")
        with gr.Tabs(elem_id="tasks"):
            for command in TASK_COMMANDS.values():
                build_tab(command, loaded, limits)
    app.queue(max_size=limits.max_waiting, default_concurrency_limit=4, api_open=False)
    return app
