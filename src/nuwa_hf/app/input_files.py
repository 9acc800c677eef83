# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What visitors paint and upload, as files under names of our own in a folder of the request."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.sketch_classes import SketchClasses
from nuwa_hf.media import write_png
from nuwa_hf.pipelines.mask_input import prepare_masks
from nuwa_hf.pipelines.sketch_input import color_class_map


Painting = dict[str, Any]  # as an editor gives it: "background", "layers" and "composite", pictures or None
IS_PAINTED = 128  # alpha from which on a pixel of a layer counts


def check_uploads(name: str, paths: Sequence[str], limits: AppLimits) -> None:
    """Require uploads that are there, and few: a program may name one again and again.

    Args:
        name (`str`): the field's name.
        paths (`Sequence[str]`): where the server has put them.
        limits (`AppLimits`): how many there may be.

    Raises:
        ValueError: If there are more, or one was deleted.
    """
    maximum = limits.largest("num_frames")
    if maximum is not None and len(paths) > maximum:
        raise ValueError(
            f"`{name}` must be at most {maximum} files (the limit of this app), got {len(paths)}; leave some out, or "
            "give one clip."
        )
    if not all(map(os.path.isfile, paths)):
        raise ValueError(
            f"`{name}` must be a file that is still here, got one that was deleted an hour or two after it came; "
            "upload it again."
        )


def copy_upload(path: str, name: str, folder: Path) -> Path:
    """Copy an uploaded file.

    Args:
        path (`str`): where the server has put it.
        name (`str`): what to call it; it keeps its ending, if that is a plain one.
        folder (`Path`): where to.

    Returns:
        `Path`: the copy.
    """
    ending = Path(path).suffix.lower()
    copy = folder / f"{name}{ending if re.fullmatch(r'[.][a-z0-9]{1,5}', ending) else ''}"
    shutil.copyfile(path, copy)
    return copy


def write_mask(painting: Painting | None, size: tuple[int, int], name: str, folder: Path) -> Path | None:
    """Write what was painted on a picture as a mask.

    Args:
        painting (`dict`, *optional*): what the editor holds.
        size (`tuple[int, int]`): height and width of the model's pictures; the mask gets this size.
        name (`str`): what to call it.
        folder (`Path`): where to.

    Returns:
        `Path`: a PNG, white where something was painted; None if nothing was.

    Raises:
        ValueError: If everything was.
    """
    painted_YX = _painted(painting)
    if painted_YX is None:
        return None
    height, width = size
    (mask_YX,) = prepare_masks(painted_YX, sizes=[painted_YX.shape], height=height, width=width)
    write_png(PIL.Image.fromarray(mask_YX.numpy().astype(np.uint8) * 255), folder / f"{name}.png")
    return folder / f"{name}.png"


def sketch_of(
    painting: Painting | None, background: str | None, classes: SketchClasses, size: tuple[int, int]
) -> PIL.Image.Image | None:
    """A painting as a sketch.

    Args:
        painting (`dict`, *optional*): what the editor holds.
        background (`str`, *optional*): the name of the class of what was left free; by default the first.
        classes (`SketchClasses`): the classes.
        size (`tuple[int, int]`): height and width of the model's pictures; the sketch gets this size.

    Returns:
        `PIL.Image.Image`: of mode "P", its values are the classes; None if nothing was painted.

    Raises:
        ValueError: If there is no such class.
    """
    if _painted(painting) is None:
        return None
    name = background or classes.names[0]
    if name not in classes.names:
        raise ValueError(
            f"`sketch_background` must be one of {', '.join(classes.names)}, got {name!r}; choose one of these."
        )
    canvas = PIL.Image.new("RGBA", painting["layers"][0].size)
    for layer in painting["layers"]:
        canvas.alpha_composite(layer.convert("RGBA"))
    return color_class_map(classes.class_map(canvas, classes.names.index(name), *size), classes.palette)


def numbered(name: str, count: int) -> Sequence[str]:
    """Names of so many files.

    Args:
        name (`str`): what to call them.
        count (`int`): how many.

    Returns:
        `Sequence[str]`: the name itself if there is but one.
    """
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def _painted(painting: Painting | None) -> np.ndarray | None:
    """Where something was painted, bools `(Y, X)`; None if nothing was."""
    layers = [] if painting is None else [one.convert("RGBA") for one in painting["layers"] if one is not None]
    if not layers:
        return None
    painted_YX = np.any([np.asarray(one.getchannel("A")) >= IS_PAINTED for one in layers], axis=0)
    return painted_YX if painted_YX.any() else None
