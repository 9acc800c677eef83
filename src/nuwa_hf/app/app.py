# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The app on a checkpoint, or on two side by side."""

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import PIL.EpsImagePlugin

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.device_choice import choose_device
from nuwa_hf.media.write_clips import check_mp4_encoder


if TYPE_CHECKING:
    import gradio as gr


def build_app(
    checkpoint: str | os.PathLike = DEMO_CHECKPOINT,
    *,
    compare: str | os.PathLike | None = None,
    device: str | None = None,
    limits: AppLimits | None = None,
) -> "gr.Blocks":
    """The app in the browser: the eight tasks on a checkpoint, or on two side by side.

    From then on Pillow starts no Ghostscript in this process: Gradio opens what a visitor has painted as whatever
    Pillow knows, and an EPS is a program.

    Args:
        checkpoint (`str` or `os.PathLike`, *optional*, defaults to `DEMO_CHECKPOINT`): a folder, a Hub id, or
            `"embedded"`.
        compare (`str` or `os.PathLike`, *optional*): another one, which gets the same requests.
        device (`str`, *optional*): such as `"cpu"`; by default the accelerator if there is one.
        limits (`AppLimits`, *optional*): how much a visitor may ask for.

    Returns:
        `gr.Blocks`: `launch()` serves it; `close()` ends it.

    Raises:
        OSError: If there is no such checkpoint, or it is incomplete.
        ValueError: If this machine has no such device, or Gradio or the encoder of MP4s is missing.

    Example:
        A Space needs these two lines as its `app.py`::

            from nuwa_hf.app import build_app
            build_app("user/model").launch()
    """
    page = _page()
    check_mp4_encoder()
    PIL.EpsImagePlugin.gs_binary = False
    limits, chosen = limits or AppLimits(), choose_device(device)
    names = [checkpoint] if compare is None else [checkpoint, compare]
    with ExitStack() as loaded:  # where one fails, those before it are closed
        checkpoints = []
        for name in names:
            checkpoints.append(LoadedCheckpoint.load(name, limits, chosen))
            loaded.enter_context(checkpoints[-1].sampler)
        built = page.build_page(checkpoints, limits)
        loaded.pop_all()  # from here on the page closes them
    return built


def _page():
    """The module of the page, which imports Gradio."""
    try:
        from nuwa_hf.app import page
    except ImportError as error:
        raise ValueError(
            f"The app must have the package `gradio`, which cannot be imported ({error}); run `pip install"
            " nuwa_hf[app]`."
        ) from error
    return page
