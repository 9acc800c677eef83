# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The app in the browser: the eight tasks on a checkpoint, or on two side by side. Needs Gradio: nuwa_hf[app].

Elements have stable ids. Each begins with the task's name, such as `text-to-image`:

- `TASK-tab-button`, the tab; `TASK-run`, the button; `TASK-further`, the settings that are closed at first;
  `TASK-unlearnt`, the note on a task that the checkpoint never learnt;
- `TASK-FIELD`, a field, named as the command's option: `text-to-image-prompt`, `text-to-video-num-frames`,
  `TASK-seed`, `TASK-guidance-scale`, `TASK-num-candidates`, `TASK-num-images`, `TASK-num-videos`; `TASK-examples`;
- `TASK-image` and `TASK-video`, the uploads; `TASK-mask`, the canvas with the picture, or with the frame of the clip
  that `TASK-mask-frame` chooses;
- `TASK-sketch`, the canvas; `TASK-sketch-background`, the class of what is left free; `TASK-classes`, the legend;
  `TASK-sketch-file`, the upload; `sketch-to-video-add-frame` and `sketch-to-video-clear-frames`, the buttons of a
  clip's sketches, and `sketch-to-video-frames`, those so far;
- `TASK-result`, the frames as they come, then the results; `TASK-files`, `TASK-command`, `TASK-python`, once there are
  some; those of the other checkpoint begin with `TASK-other`.
"""

from typing import TYPE_CHECKING

from nuwa_hf.imports.lazy_names import lazy_names


if TYPE_CHECKING:
    from nuwa_hf.app.app import build_app
    from nuwa_hf.app.limits import AppLimits


__all__ = ["AppLimits", "build_app"]

__getattr__, __dir__ = lazy_names(__name__, {"AppLimits": "nuwa_hf.app.limits", "build_app": "nuwa_hf.app.app"})
