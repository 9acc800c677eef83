# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The page of the app as Gradio's blocks."""

from collections.abc import Sequence

import gradio as gr

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.messages import as_markdown
from nuwa_hf.app.served_blocks import ServedBlocks
from nuwa_hf.app.task_tab import build_tab
from nuwa_hf.cli.task_commands import TASK_COMMANDS


SMALL_AT_ONCE = 4  # of what needs no model, such as showing the frames of a clip


def build_page(checkpoints: Sequence[LoadedCheckpoint], limits: AppLimits) -> ServedBlocks:
    """Build the page: a tab for each task.

    Args:
        checkpoints (`Sequence[LoadedCheckpoint]`): one, or two to compare. Closing the page closes their samplers.
        limits (`AppLimits`): how much a visitor may ask for.

    Returns:
        `ServedBlocks`: the page; `launch()` serves it.
    """
    limits = limits.for_checkpoints(checkpoint.pipeline("T2V").max_frames for checkpoint in checkpoints)

    def close() -> None:
        for checkpoint in checkpoints:
            checkpoint.sampler.close(cancel_waiting=True)

    page = ServedBlocks(
        max_upload=limits.max_upload,
        max_files=limits.max_frames,
        on_close=close,
        title="NUWA",
        analytics_enabled=False,
    )
    with page:
        gr.Markdown("# NUWA", elem_id="title")
        summaries = [as_markdown(checkpoint.summary) for checkpoint in checkpoints]
        gr.Markdown("  \n".join(summaries), elem_id="checkpoints", latex_delimiters=[])
        with gr.Tabs(elem_id="tasks"):
            for command in TASK_COMMANDS.values():
                page.tabs[command.task.name] = build_tab(command, checkpoints, limits, page.uploads)
    page.queue(max_size=limits.max_waiting, default_concurrency_limit=SMALL_AT_ONCE, api_open=False)
    return page
