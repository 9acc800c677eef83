# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
from tiny import tiny_pipeline

from nuwa_hf.modeling.codec.loading import load_codec
from nuwa_hf.storage.find_checkpoint import find_codecs, find_part


def test_a_codec_is_found_by_its_own_folder_and_in_a_pipeline(checkpoint):
    for part in ("vqgan", "sketch_vqgan"):
        assert find_part(str(checkpoint), part) == find_part(str(checkpoint / part), part) == str(checkpoint / part)
    assert load_codec(find_part("embedded", "vqgan")).codebook_size == 160


def test_a_folder_without_the_codec_is_an_error_that_names_it(checkpoint, tmp_path):
    with pytest.raises(OSError, match=r"No vqgan: .*nowhere' is no folder"):
        find_part(str(tmp_path / "nowhere"), "vqgan")
    with pytest.raises(OSError, match=r"No other_vqgan: .* is a pipeline without it"):
        find_part(str(checkpoint), "other_vqgan")


def test_a_codec_that_an_earlier_pipeline_left_in_the_folder_is_none_of_the_later(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path)
    assert find_codecs(str(tmp_path))["sketch_vqgan"] == str(tmp_path / "sketch_vqgan")
    tiny_pipeline(sketch_vqgan=None).save_pretrained(tmp_path)
    assert (tmp_path / "sketch_vqgan").is_dir()
    assert find_codecs(str(tmp_path))["sketch_vqgan"] is None
    with pytest.raises(OSError, match=r"No sketch_vqgan: .* is a pipeline without it"):
        find_part(str(tmp_path), "sketch_vqgan")
