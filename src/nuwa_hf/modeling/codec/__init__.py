# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What everything else asks of a codec of images and videos, and how other libraries' codecs answer it."""

from nuwa_hf.modeling.codec.frame_codec import FrameCodec
from nuwa_hf.modeling.codec.loading import load_codec
from nuwa_hf.modeling.codec.protocol import Codec, as_codec
from nuwa_hf.modeling.codec.vqmodel_codec import VQModelCodec


__all__ = ["Codec", "FrameCodec", "VQModelCodec", "as_codec", "load_codec"]
