# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.modeling.codec.loading import load_codec
from nuwa_hf.storage.find_checkpoint import find_part


def test_a_codec_is_found_by_its_own_folder_and_in_a_pipeline(checkpoint):
    for part in ("vqgan", "sketch_vqgan"):
        assert find_part(str(checkpoint), part) == find_part(str(checkpoint / part), part) == str(checkpoint / part)
    assert load_codec(find_part("embedded", "vqgan")).codebook_size == 160


def test_a_folder_without_the_codec_is_an_error_that_names_it(checkpoint, tmp_path):
    with pytest.raises(OSError, match=r"No vqgan: .*nowhere' is no folder"):
        find_part(str(tmp_path / "nowhere"), "vqgan")
    with pytest.raises(OSError, match=r"No other_vqgan: .* is a pipeline without it"):
        find_part(str(checkpoint), "other_vqgan")
