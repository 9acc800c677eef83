# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import logging
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from tiny import FRAME_SIZE

from nuwa_hf.pipelines.image_input import prepare_images


WIDTH, HEIGHT = FRAME_SIZE


def levels(channels=3, height=HEIGHT, width=WIDTH, seed=0):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def prepare(image):
    prepared = prepare_images(image, height=HEIGHT, width=WIDTH)
    assert prepared.pixels.dtype == torch.float32
    assert prepared.pixels.shape == (len(prepared.sizes), 3, HEIGHT, WIDTH)
    assert prepared.pixels.is_contiguous()
    assert 0 <= prepared.pixels.min() <= prepared.pixels.max() <= 1
    return prepared


def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)


def messages(caplog):
    return [record.message for record in caplog.records if record.name.startswith("nuwa_hf")]


def test_8_bit_pixels_come_back_exactly(caplog):
    array = levels()
    pixels = prepare(array).pixels[0]
    assert np.array_equal((pixels.permute(1, 2, 0) * 255).numpy(), array.astype(np.float32))
    assert torch.equal((pixels * 255).round().to(torch.uint8), to_tensor(array))
    assert messages(caplog) == []


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (2 * HEIGHT, WIDTH + 3), (3, 2)])
def test_picture_file_array_and_tensor_give_the_same_pixels(tmp_path, size):
    array = levels(height=size[0], width=size[1])
    picture = PIL.Image.fromarray(array)
    picture.save(tmp_path / "image.png")
    forms = [picture, str(tmp_path / "image.png"), tmp_path / "image.png", array, to_tensor(array)]
    expected = prepare(picture)
    assert expected.sizes == [size]
    for form in [*forms, array[None], to_tensor(array)[None], [array], (picture,)]:
        found = prepare(form)
        assert torch.equal(found.pixels, expected.pixels)
        assert found.sizes == expected.sizes
    assert torch.equal(prepare(forms).pixels, expected.pixels.expand(5, -1, -1, -1))


def test_floats_of_the_models_size_are_left_as_they_are(caplog):
    tensor = torch.rand(2, 3, HEIGHT, WIDTH)
    assert torch.equal(prepare(tensor).pixels, tensor)
    assert torch.equal(prepare(tensor.permute(0, 2, 3, 1).numpy()).pixels, tensor)
    assert torch.equal(prepare(tensor.double().requires_grad_()).pixels, tensor)
    assert torch.equal(prepare(tensor.bfloat16()).pixels, tensor.bfloat16().float())
    assert torch.equal(prepare(tensor.half().permute(0, 2, 3, 1).numpy()).pixels, tensor.half().float())
    assert not prepare(tensor.requires_grad_()).pixels.requires_grad
    assert messages(caplog) == []


def test_what_the_user_gave_is_not_changed():
    tensor, array = torch.rand(4, 5, 6), levels(4)
    picture = PIL.Image.fromarray(array)
    copies = tensor.clone(), array.copy()
    prepare([tensor, array, picture])
    assert torch.equal(tensor, copies[0])
    assert np.array_equal(array, copies[1])
    assert (picture.mode, picture.size) == ("RGBA", (WIDTH, HEIGHT))
    array.flags.writeable = False
    prepare([array, array[::-1], np.asfortranarray(array), (array / 255).astype(">f4")])


def test_batch_is_its_images_one_by_one():
    images = [levels(3), levels(3, 20, 30), PIL.Image.fromarray(levels(0, 3, 4)), torch.rand(3, 9, 7)]
    batch = prepare(images)
    assert batch.sizes == [(HEIGHT, WIDTH), (20, 30), (3, 4), (9, 7)]
    for pixels, image in zip(batch.pixels, images, strict=True):
        assert torch.equal(pixels, prepare(image).pixels[0])


def test_grey_is_the_same_in_all_channels():
    grey = levels(0)
    expected = torch.from_numpy(grey).float().div(255).expand(3, -1, -1)
    as_float = torch.from_numpy(grey).float() / 255
    for form in (grey, grey[..., None], torch.from_numpy(grey)[None], PIL.Image.fromarray(grey), as_float[None]):
        assert torch.equal(prepare(form).pixels[0], expected)


def test_palette_shows_its_colours():
    picture = PIL.Image.fromarray(levels(0) % 7)
    palette = levels(3, 1, 7)[0]
    picture.putpalette(palette.tobytes())
    assert picture.mode == "P"
    assert torch.equal(prepare(picture).pixels, prepare(palette[np.asarray(picture)]).pixels)


@pytest.mark.parametrize("mode", ["1", "CMYK", "YCbCr", "HSV"])
def test_other_modes_are_converted(mode):
    picture = PIL.Image.fromarray(levels()).convert(mode)
    assert torch.equal(prepare(picture).pixels, prepare(np.asarray(picture.convert("RGB"))).pixels)


def test_mode_that_pillow_cannot_convert_is_refused():
    with pytest.raises(ValueError, match="`image` must be of a mode that converts to RGB, got a La image"):
        prepare(PIL.Image.new("La", (4, 4)))


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_16_bits_are_not_cut_to_8(tmp_path, extension):
    """Pillow's own conversion to RGB turns everything from 256 of 65536 levels on to white."""
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16)
    expected = torch.from_numpy((deep / 65535).astype(np.float32)).expand(1, 3, -1, -1)
    rounded = (expected * 255).round() / 255  # what training sees
    PIL.Image.fromarray(deep).save(tmp_path / f"deep.{extension}")
    assert torch.equal(prepare(tmp_path / f"deep.{extension}").pixels, rounded)
    assert torch.equal(prepare(PIL.Image.fromarray(deep.astype(np.int32))).pixels, rounded)
    assert torch.equal(prepare(PIL.Image.fromarray(expected[0, 0].numpy())).pixels, rounded)
    with pytest.raises(ValueError, match=r"levels of 16 bits, 0 to 65535, got .* and has -1 to -1; convert"):
        prepare(PIL.Image.fromarray(np.full((4, 4), -1, np.int32)))
    with pytest.raises(ValueError, match=r"floats in \[0, 1\], got .* has 3 to 3"):
        prepare(PIL.Image.fromarray(np.full((4, 4), 3, np.float32)))


def test_transparent_pixels_are_put_on_white_and_said_once(caplog):
    rgba = levels(4)
    rgba[0, :, 3], rgba[1, :, 3] = 0, 255
    color, alpha = rgba[..., :3] / 255, rgba[..., 3:] / 255
    expected = to_tensor(color * alpha + 1 - alpha)
    forms = [rgba, to_tensor(rgba), PIL.Image.fromarray(rgba), rgba / 255, to_tensor(rgba) / 255]
    pixels = prepare(forms).pixels
    assert messages(caplog) == ["`image` has transparent pixels; they were put on white."]
    assert (pixels - expected).abs().max() < 1.01 / 255  # 8-bit pictures round
    for found in pixels:
        assert (found[:, 0] == 1).all()
        assert torch.equal(found[:, 1], prepare(rgba[..., :3]).pixels[0, :, 1])


def test_every_kind_of_transparency_counts(tmp_path, caplog):
    grey_alpha = PIL.Image.merge("LA", [PIL.Image.fromarray(levels(0)), PIL.Image.new("L", FRAME_SIZE, 0)])
    palette = PIL.Image.new("P", FRAME_SIZE, 3)
    palette.putpalette(bytes(range(30)))
    palette.save(tmp_path / "palette.png", transparency=3)
    PIL.Image.new("RGB", FRAME_SIZE, (1, 2, 3)).save(tmp_path / "color.png", transparency=(1, 2, 3))
    for image in (grey_alpha, tmp_path / "palette.png", tmp_path / "color.png"):
        caplog.clear()
        assert (prepare(image).pixels == 1).all()
        assert len(messages(caplog)) == 1


def test_opaque_alpha_changes_nothing(caplog):
    rgba = levels(4)
    rgba[..., 3] = 255
    expected = prepare(rgba[..., :3]).pixels
    assert torch.equal(prepare([rgba, PIL.Image.fromarray(rgba)]).pixels, expected.expand(2, -1, -1, -1))
    opaque = torch.cat([expected[0], torch.ones(1, HEIGHT, WIDTH)])
    assert torch.equal(prepare(opaque).pixels, expected)
    assert messages(caplog) == []


def test_one_warning_says_what_was_resized(caplog):
    prepare([levels(3), levels(3, 2 * HEIGHT, 2 * WIDTH), levels(3, 4 * HEIGHT, 4 * WIDTH)])
    assert messages(caplog) == ["`image` was resized from 16x20, 32x40 to 8x10 (height x width), the model's size."]
    caplog.clear()
    prepare(torch.rand(3, 5, 5))
    assert len(messages(caplog)) == 1
    assert "from 5x5 to 8x10 (height x width), the model's size; this changes its aspect ratio" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_resized_floats_are_near_the_resized_picture():
    array = np.array(PIL.Image.fromarray(levels(3, 6, 6)).resize((40, 50), PIL.Image.Resampling.BICUBIC))
    difference = prepare(array).pixels - prepare(to_tensor(array) / 255).pixels
    assert difference.abs().max() < 2 / 255  # Pillow rounds after each of two passes


def test_animated_file_gives_its_first_frame(tmp_path):
    frames = [PIL.Image.new("RGB", FRAME_SIZE, color) for color in ("red", "blue")]
    for extension in ("gif", "png"):
        frames[0].save(tmp_path / f"clip.{extension}", save_all=True, append_images=frames[1:])
        assert torch.equal(prepare(tmp_path / f"clip.{extension}").pixels, prepare(frames[0]).pixels)


NAN = torch.full((3, 4, 4), float("nan"))
ARRAY_RULE = r"with C of 1, 3 or 4, got"


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        ([], ValueError, "at least one image"),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, "at least one image"),
        (None, TypeError, "`image` must be a PIL image, .* got NoneType"),
        (3, TypeError, "got int"),
        ([levels(), b"bytes"], TypeError, r"`image\[1\]` must be .* got bytes"),
        ([[levels()]], TypeError, r"`image\[0\]` must be .* got list"),
        ({"a": 1}, TypeError, "got dict"),
        (NAN, ValueError, "finite numbers, got 48 that are NaN or infinite"),
        (np.full((4, 4), np.inf), ValueError, "finite numbers"),
        (np.full((4, 4), 1e300), ValueError, "finite numbers"),
        (torch.full((3, 4, 4), -0.5), ValueError, r"in \[0, 1\], got -0.5 to -0.5; it looks like -1 to 1, use"),
        (torch.full((3, 4, 4), 200.0), ValueError, "got 200 to 200; it looks like 0 to 255, divide by 255"),
        ((torch.arange(48.0) - 9).reshape(3, 4, 4), ValueError, "got -9 to 38; rescale"),
        (torch.zeros(3, 0, 4), ValueError, "at least one pixel"),
        (np.zeros((0, 4), np.uint8), ValueError, "at least one pixel"),
        (PIL.Image.new("RGB", (0, 4)), ValueError, "at least one pixel, got .* of 0x4"),
        (torch.zeros(4, 4), ValueError, ARRAY_RULE),
        (torch.zeros(5, 4, 3), ValueError, f"{ARRAY_RULE} .*permute"),
        (np.zeros((3, 4, 5)), ValueError, ARRAY_RULE),
        (np.zeros((2, 2, 4, 4, 3)), ValueError, ARRAY_RULE),
        (np.zeros((4, 2), np.int64), TypeError, "uint8 or float numbers, got int64"),
        (torch.zeros(3, 4, 4, dtype=torch.bool), TypeError, r"got torch\.bool"),
        (np.array([["a"]]), TypeError, "uint8 or float"),
        (Path("missing.png"), OSError, "`image` must be the path of a file"),
    ],
)
def test_bad_image_is_refused_with_the_remedy(image, error, message, caplog):
    with pytest.raises(error, match=message):
        prepare(image)
    assert messages(caplog) == []


def test_messages_call_the_argument_by_its_name():
    with pytest.raises(TypeError, match=r"`first\[0\]`"):
        prepare_images([None], height=4, width=4, name="first")
