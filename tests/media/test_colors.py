# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Colours are those that a picture's ICC profile means."""

import io
import struct

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from nuwa_hf.media import fit_picture, open_media
from nuwa_hf.media.colors import to_rgb


# X, Y and Z, as the white of profiles sees them, of red, green and blue.
DISPLAY_P3 = np.array([[0.5151, 0.2412, -0.0011], [0.2919, 0.6922, 0.0419], [0.1572, 0.0666, 0.7841]])
SRGB = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])
COLORS = [(200, 80, 60), (70, 150, 60), (60, 80, 190), (230, 200, 170), (128, 128, 128)]  # all of them within sRGB


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def display_p3(gamma=2.0):
    """A profile as telephones write them, with a simpler curve."""
    curve = b"curv" + struct.pack(">IIHH", 0, 1, round(gamma * 256), 0)
    white = 0.9642, 1, 0.8249
    tags = {b"desc": b"desc" + struct.pack(">II", 0, 3) + b"P3".ljust(81, b"\0"), b"cprt": b"text\0\0\0\0none"}
    tags |= {b"%cXYZ" % name: b"XYZ \0\0\0\0" + fixed(*DISPLAY_P3[place]) for place, name in enumerate(b"rgb")}
    tags |= {b"wtpt": b"XYZ \0\0\0\0" + fixed(*white), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    place, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", place + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    head = struct.pack(">III", place + len(data), 0, 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    return (head + bytes(28) + fixed(*white)).ljust(128, b"\0") + table + data


def meant(color, gamma=2.0):
    linear = (np.array(color) / 255) ** gamma @ DISPLAY_P3 @ np.linalg.inv(SRGB)
    return 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear.clip(0) ** (1 / 2.4) - 0.055)


def stored(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "options"), [("png", {}), ("jpeg", {"quality": 100}), ("webp", {"lossless": True})])
@pytest.mark.parametrize("color", COLORS)
def test_a_profile_is_followed(kind, options, color):
    data = stored(PIL.Image.new("RGB", (16, 16), color), kind, icc_profile=display_p3(), **options)
    with open_media(data) as media:
        pixels = fit_picture(media.still(), 8, 8)
    assert abs(pixels - meant(color)).max() < 3
    assert abs(meant(color) - color).max() > 3


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_profile_is_followed_beside_and_below_transparency(mode):
    picture = PIL.Image.new("RGBA", (2, 1), COLORS[0])
    picture.putpixel((1, 0), (0, 0, 0, 0))
    data = stored(picture.convert(mode), "png", icc_profile=display_p3())
    with open_media(data) as media:
        shown, hidden = np.array(to_rgb(media.still()))[0]
    assert abs(shown - meant(COLORS[0])).max() < 3
    assert hidden.tolist() == [255, 255, 255]


def test_a_colour_that_stands_for_transparency_is_found_before_the_profile_changes_it():
    data = stored(PIL.Image.new("RGB", (1, 1), COLORS[0]), "png", icc_profile=display_p3(), transparency=COLORS[0])
    with open_media(data) as media:
        assert to_rgb(media.still()).getpixel((0, 0)) == (255, 255, 255)


SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


NO_NAME = display_p3()[:16] + b"\xff" + display_p3()[17:]  # of the kind of its pixels


@pytest.mark.parametrize("profile", [SRGB_PROFILE, b"damaged", display_p3()[:150], NO_NAME])
def test_a_profile_of_srgb_or_a_damaged_one_leaves_every_pixel(profile):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with open_media(stored(PIL.Image.fromarray(noise), "png", icc_profile=profile)) as media:
        assert np.array_equal(to_rgb(media.still()), noise)


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "LA"])
def test_a_profile_of_other_pixels_is_not_followed(mode):
    picture = PIL.Image.new("RGB", (4, 4), COLORS[0]).convert(mode)
    plain = to_rgb(picture)
    picture.info["icc_profile"] = display_p3()
    assert to_rgb(picture).tobytes() == plain.tobytes()
