# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Types of what users may pass to a pipeline, for the signatures; `image_input` and its neighbours read them."""

import os

import numpy as np
import PIL.Image
import torch


OneImage = PIL.Image.Image | str | os.PathLike | np.ndarray | torch.Tensor
ImageInput = OneImage | list[OneImage]
MaskInput = OneImage | list[OneImage] | list[list[OneImage]]
SketchInput = OneImage | list[OneImage] | list[list[OneImage]]
VideoInput = OneImage | list[OneImage] | list[list[OneImage]]
