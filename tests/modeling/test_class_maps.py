# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.modeling.class_maps import class_maps_to_pixels, pixels_to_class_maps


NUM_CLASSES = 5


def random_class_maps(*shape) -> torch.Tensor:
    return torch.randint(NUM_CLASSES, shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(2, 4, 6), (2, 3, 4, 6)])
def test_pixels_are_one_at_the_class_of_a_pixel_and_zero_elsewhere(shape):
    class_maps = random_class_maps(*shape)
    pixels = class_maps_to_pixels(class_maps, NUM_CLASSES)
    assert pixels.shape == (shape[0], NUM_CLASSES, *shape[1:])
    assert pixels.dtype == torch.float32
    for c in range(NUM_CLASSES):
        assert torch.equal(pixels[:, c], (class_maps == c).float())


@pytest.mark.parametrize("shape", [(2, 4, 6), (2, 3, 4, 6)])
def test_class_maps_come_back_from_their_pixels(shape):
    class_maps = random_class_maps(*shape)
    assert torch.equal(pixels_to_class_maps(class_maps_to_pixels(class_maps, NUM_CLASSES)), class_maps)


def test_class_maps_of_bytes_are_taken_as_data_sets_give_them():
    class_maps = random_class_maps(1, 4, 4)
    pixels = class_maps_to_pixels(class_maps.to(torch.uint8), NUM_CLASSES)
    assert torch.equal(pixels, class_maps_to_pixels(class_maps, NUM_CLASSES))


def test_class_maps_are_coded_without_reading_them():
    """So that what codes a sketch compiles to one graph; `sketch` of the pipelines is checked where it comes in."""
    assert class_maps_to_pixels(random_class_maps(2, 3, 4, 6).to("meta"), NUM_CLASSES).shape == (2, 5, 3, 4, 6)


def test_class_maps_of_another_kind_or_rank_are_errors():
    for kind in (torch.float32, torch.bool):
        with pytest.raises(TypeError, match="`class_maps` must be whole numbers"):
            class_maps_to_pixels(torch.zeros(1, 4, 4, dtype=kind), NUM_CLASSES)
    with pytest.raises(ValueError, match=r"`class_maps` must have the shape.*\(4, 4\)"):
        class_maps_to_pixels(random_class_maps(4, 4), NUM_CLASSES)
    with pytest.raises(ValueError, match="`class_maps` must not be empty"):
        class_maps_to_pixels(torch.zeros(0, 4, 4, dtype=torch.long), NUM_CLASSES)
    with pytest.raises(TypeError, match="`sample` must be floats"):
        pixels_to_class_maps(random_class_maps(1, 4, 4))
    with pytest.raises(ValueError, match=r"`sample` must have the shape.*\(5, 4, 4\)"):
        pixels_to_class_maps(torch.zeros(5, 4, 4))
