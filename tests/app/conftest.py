# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The app on the tiny checkpoint, without a browser; its visitors may ask for little."""

import numpy as np
import PIL.Image
import pytest
from tiny import FRAME_SIZE, NUM_CLASSES, VISUAL_GRID

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.media import write_gif


PROMPT = 'a red apple "<b>rolls</b>" to the left'
LIMITS = AppLimits(max_frames=6, max_upload=1, max_waiting=2)


@pytest.fixture(scope="session")
def app(checkpoint):
    pytest.importorskip("gradio")
    from nuwa_hf.app import build_app

    page = build_app(checkpoint, compare=checkpoint, device="cpu", limits=LIMITS)
    yield page
    page.close()


@pytest.fixture(scope="session")
def uploads(tmp_path_factory):
    """What visitors upload and paint, by the names of a form's values."""
    folder = tmp_path_factory.mktemp("uploads")
    rng = np.random.default_rng(0)
    width, height = FRAME_SIZE
    noise = rng.integers(0, 8, (VISUAL_GRID[0], height, width, 3), dtype=np.uint8) * 36
    frames = [PIL.Image.fromarray(one) for one in noise]
    write_gif(frames, folder / "a clip.gif", fps=4)
    frames[0].save(folder / "-picture.PNG")
    sketches = []
    for number in range(2):
        sketch = PIL.Image.fromarray(rng.integers(0, NUM_CLASSES, (height, width), dtype=np.uint8))
        sketch.save(folder / f"sketch {number}.png")
        sketches.append(str(folder / f"sketch {number}.png"))
    mask = np.zeros((8 * height, 8 * width, 4), np.uint8)
    mask[: 4 * height] = (255, 0, 255, 255)
    painting = {"background": None, "layers": [PIL.Image.fromarray(mask)], "composite": None}
    return {
        "text-to-image": {"prompt": PROMPT, "num_images_per_prompt": 2, "guidance_scale": "2.5"},
        "text-to-video": {"prompt": PROMPT, "num_frames": "5", "negative_prompt": "-a dog"},
        "sketch-to-image": {"sketch": painting, "sketch_background": "grass"},
        "sketch-to-video": {"sketch_files": sketches, "fps": "8"},
        "image-completion": {"image_files": str(folder / "-picture.PNG"), "mask": painting},
        "video-prediction": {"video_files": [str(folder / "-picture.PNG")], "top_k": "3"},
        "image-manipulation": {"prompt": "-x", "image_files": str(folder / "-picture.PNG"), "mask": painting},
        "video-manipulation": {"prompt": PROMPT, "video_files": [str(folder / "a clip.gif")], "composite": True},
    }
