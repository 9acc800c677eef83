# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import PIL.Image
import pytest
import torch
from tiny import FACTOR, FRAME_RATE, FRAME_SIZE, VISUAL_GRID

from nuwa_hf.media import write_gif
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.mask_input import check_places, composite, known_places, prepare_masks


WIDTH, HEIGHT = FRAME_SIZE
FRAMES = VISUAL_GRID[0]


def prepare(mask, sizes=((HEIGHT, WIDTH),), num_frames=None, given_rate=None):
    sampler = ClipSampler(FRAME_RATE, given_rate)
    masks = prepare_masks(mask, sizes=list(sizes), height=HEIGHT, width=WIDTH, num_frames=num_frames, sampler=sampler)
    assert masks.dtype == torch.bool
    frames = () if num_frames is None else (num_frames,)
    assert masks.shape == (len(sizes), *frames, HEIGHT, WIDTH)
    return masks


def bools(*shape, seed=0, share=0.3):
    return np.random.default_rng(seed).random(shape or (HEIGHT, WIDTH)) < share


def picture(mask):
    return PIL.Image.fromarray((mask * 255).astype(np.uint8))


def test_every_form_of_a_mask_says_the_same(tmp_path):
    mask = bools()
    expected = torch.from_numpy(mask)[None]
    picture(mask).save(tmp_path / "mask.png")
    pictures = [picture(mask).convert(mode) for mode in ("1", "L", "RGB", "P", "RGBA", "I", "CMYK")]
    pictures.append(PIL.Image.fromarray(mask.astype(np.uint16) * 65535))
    arrays = [mask.astype(kind) for kind in (bool, np.uint8, np.int64, np.float64, np.float16)] + [
        mask * np.uint8(255)
    ]
    tensors = [torch.from_numpy(array) for array in arrays] + [torch.from_numpy(mask).bfloat16()]
    for form in (*pictures, *arrays, *tensors, tmp_path / "mask.png", str(tmp_path / "mask.png"), mask[None], [mask]):
        assert torch.equal(prepare(form), expected)
        assert torch.equal(prepare(form, num_frames=FRAMES), expected[:, None].expand(-1, FRAMES, -1, -1))


def test_an_axis_of_one_channel_changes_nothing():
    mask, moving = bools(), bools(FRAMES, HEIGHT, WIDTH)
    for form in (mask[..., None], mask[None, None], torch.from_numpy(mask)[None, None], [mask[..., None]]):
        assert torch.equal(prepare(form), prepare(mask))
        assert torch.equal(prepare(form, num_frames=FRAMES), prepare(mask, num_frames=FRAMES))
    for form in (moving[..., None], moving[:, None], moving[None, ..., None], torch.from_numpy(moving)[:, None]):
        assert torch.equal(prepare(form, num_frames=FRAMES), prepare(moving, num_frames=FRAMES))
    two, sizes = np.stack([mask, bools(seed=1)]), ((HEIGHT, WIDTH),) * 2
    for form in (two[:, None], two[..., None], torch.from_numpy(two)[:, None], [mask[None, None], two[1:, ..., None]]):
        assert torch.equal(prepare(form, sizes), prepare(two, sizes))
    with pytest.raises(ValueError, match=r"`mask` must have no colours, got \(8, 10, 3\); take one channel"):
        prepare(np.repeat(mask[..., None], 3, axis=-1))


def test_grey_is_white_from_half_on():
    levels = np.tile(np.array([0, 127, 128, 255, 0], np.uint8), (HEIGHT, WIDTH // 5))
    expected = torch.from_numpy(levels >= 128)[None]
    for form in (PIL.Image.fromarray(levels), levels, levels.astype(np.int32), levels / 255):
        assert torch.equal(prepare(form), expected)


def test_one_mask_serves_the_batch_and_a_list_has_one_for_each():
    masks = [bools(seed=seed) for seed in range(3)]
    sizes = [(HEIGHT, WIDTH)] * 3
    assert torch.equal(prepare(masks[0], sizes), torch.from_numpy(np.stack([masks[0]] * 3)))
    for batch in (masks, np.stack(masks), torch.from_numpy(np.stack(masks)), [picture(mask) for mask in masks]):
        assert torch.equal(prepare(batch, sizes), torch.from_numpy(np.stack(masks)))
        if isinstance(batch, list):
            expected = torch.from_numpy(np.stack(masks))[:, None].expand(-1, 2, -1, -1)
            assert torch.equal(prepare(batch, sizes, num_frames=2), expected)


def test_mask_of_a_video_may_differ_from_frame_to_frame(tmp_path):
    mask = bools(FRAMES, HEIGHT, WIDTH)
    write_gif([picture(frame) for frame in mask], tmp_path / "mask.gif", fps=4)
    expected = torch.from_numpy(mask)[None]
    forms = [mask, torch.from_numpy(mask), [list(mask)], [[picture(frame) for frame in mask]], tmp_path / "mask.gif"]
    with PIL.Image.open(tmp_path / "mask.gif") as animated:
        for form in (*forms, mask[None], animated):
            assert torch.equal(prepare(form, num_frames=FRAMES), expected)
    sizes = [(HEIGHT, WIDTH)] * 2
    two = np.stack([mask, ~mask])
    assert torch.equal(prepare(two, sizes, num_frames=FRAMES), torch.from_numpy(two))
    mixed = prepare([mask, mask[0]], sizes, num_frames=FRAMES)
    assert torch.equal(mixed[0], expected[0])
    assert torch.equal(mixed[1], expected[0, :1].expand(FRAMES, -1, -1))


def forms_of_a_clip(frames, path):
    write_gif([picture(frame) for frame in frames], path, fps=4)
    return [frames, torch.from_numpy(frames), [list(frames)], [[picture(frame) for frame in frames]], path]


def test_masks_of_a_fast_clip_are_sampled_as_the_clip_is(tmp_path):
    mask = bools(8 * FRAMES, HEIGHT, WIDTH)
    for form in forms_of_a_clip(mask, tmp_path / "mask.gif"):
        assert torch.equal(prepare(form, num_frames=FRAMES, given_rate=8 * FRAME_RATE)[0], torch.from_numpy(mask[::8]))


def test_a_few_masks_of_a_fast_clip_are_not_one_for_all(tmp_path):
    """They were counted at the checkpoint's rate, where the first one alone was left, and served all frames."""
    for form in forms_of_a_clip(bools(FRAMES, HEIGHT, WIDTH), tmp_path / "mask.gif"):
        with pytest.raises(ValueError, match=r"or 3, the clip's, got 3, which make 1 at the checkpoint's frame rate"):
            prepare(form, num_frames=FRAMES, given_rate=8 * FRAME_RATE)


@pytest.mark.parametrize("given_rate", [FRAME_RATE / 4, 4 * FRAME_RATE])
def test_one_mask_is_for_all_frames_at_any_rate(given_rate, tmp_path):
    mask = bools()
    picture(mask).save(tmp_path / "mask.png")
    for form in (mask, mask[None], [mask], [[mask]], picture(mask), tmp_path / "mask.png"):
        found = prepare(form, num_frames=FRAMES, given_rate=given_rate)
        assert torch.equal(found[0], torch.from_numpy(mask).expand(FRAMES, -1, -1))


def test_frames_without_anything_to_fill_are_allowed_beside_others():
    mask = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    mask[1:] = True
    assert torch.equal(prepare(mask, num_frames=FRAMES)[0], torch.from_numpy(mask))


@pytest.mark.parametrize("size", [(17, 23), (3, 4), (5, 40), (2 * HEIGHT, 2 * WIDTH), (HEIGHT, WIDTH)])
def test_pixel_that_covers_any_part_to_fill_is_to_be_filled(size):
    mask = bools(*size, share=0.05)
    mask[0, -1] = True
    expected = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            for row, column in np.argwhere(mask):
                # The old and the new pixel overlap, in whole numbers.
                overlaps_y = row * HEIGHT < (y + 1) * size[0] and y * size[0] < (row + 1) * HEIGHT
                overlaps_x = column * WIDTH < (x + 1) * size[1] and x * size[1] < (column + 1) * WIDTH
                expected[y, x] |= bool(overlaps_y and overlaps_x)
    assert torch.equal(prepare(mask, [size])[0], expected)


def test_mask_has_the_size_of_its_image_or_of_the_model():
    large, own = (20, 30), (HEIGHT, WIDTH)
    prepare([bools(*large), bools(*own)], [large, large])
    for mask, sizes, name in [
        (bools(5, 5), [large], "mask"),
        (bools(5, 5), [large, large], "mask"),
        ([bools(*large), bools(*large)], [large, (6, 6)], r"mask\[1\]"),
    ]:
        with pytest.raises(
            ValueError, match=rf"`{name}` must have the size of what it masks, \d+x\d+, or the model's"
        ):
            prepare(mask, sizes)
    with pytest.raises(ValueError, match=r"masks, 20x30, or the model's, 8x10 \(height x width\), got 30x20; resize"):
        prepare(bools(30, 20), [large])


BLACK, WHITE = np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)
LATER = np.zeros((FRAMES + 1, HEIGHT, WIDTH), bool)
ALPHA = PIL.Image.new("RGBA", FRAME_SIZE, (255, 255, 255, 9))


@pytest.mark.parametrize("num_frames", [None, FRAMES])
@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (BLACK, ValueError, "something to fill, got only black"),
        (picture(BLACK), ValueError, "something to fill, got only black"),
        (WHITE, ValueError, "something to keep, got only white .* use text to image or text to video"),
        (WHITE * 1.0, ValueError, "something to keep"),
        ([bools(), bools()], ValueError, "must be one mask, or one for each of 1 (images|clips), got 2"),
        ([], ValueError, "one for each of 1 (images|clips), got 0"),
        (np.full((HEIGHT, WIDTH), np.nan), ValueError, "finite numbers"),
        (np.full((HEIGHT, WIDTH), np.inf), ValueError, "finite numbers"),
        (np.full((HEIGHT, WIDTH), 255.0), ValueError, "looks like 0 to 255"),
        (np.full((HEIGHT, WIDTH), -1), ValueError, "integers from 0 to 255, got -1 to -1"),
        (np.full((HEIGHT, WIDTH), 256), ValueError, "got 256 to 256"),
        (np.zeros((0, 4)), ValueError, "at least one pixel"),
        (PIL.Image.new("L", (0, 4)), ValueError, "at least one pixel"),
        (np.zeros(5), ValueError, r"must have shape \(Y, X\)"),
        ([np.zeros((1, 2, HEIGHT, WIDTH))], ValueError, r"`mask\[0\]` must have shape \(Y, X\)"),
        (np.zeros((4, 4), complex), TypeError, "bools, integers or floats, got complex128"),
        (None, TypeError, "`mask` must be a PIL image, .* got NoneType"),
        (["missing.png"], OSError, r"`mask\[0\]` must be the path of a file"),
        (ALPHA, ValueError, "must be opaque, got .* give an image without alpha"),
    ],
)
def test_bad_mask_is_refused_with_the_remedy(mask, error, message, num_frames):
    with pytest.raises(error, match=message):
        prepare(mask, num_frames=num_frames)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (LATER, ValueError, "must have 1 frame, for all, or 3, the clip's, got 4"),
        ([[bools()] * 2], ValueError, r"`mask\[0\]` must have 1 frame, .* got 2"),
        ([[]], ValueError, r"`mask\[0\]` must hold at least one frame"),
        ([[bools(), bools(4, 4)]], ValueError, "frames of one size"),
        ([[LATER]], ValueError, r"`mask\[0\]\[0\]` must have shape"),
        ([[[bools()]]], TypeError, "got list"),
        (
            [bools()] * FRAMES,
            ValueError,
            r"give one mask per frame as an array of shape \(T, Y, X\), or as \[\[...\]\]",
        ),
    ],
)
def test_mask_with_other_frames_than_the_clip_is_refused(mask, error, message):
    with pytest.raises(error, match=message):
        prepare(mask, num_frames=FRAMES)


def test_unreadable_mask_file_is_refused(tmp_path):
    (tmp_path / "mask.png").write_text("no picture")
    for num_frames in (None, FRAMES):
        with pytest.raises(ValueError, match=r"`mask` must be .*, got .*mask\.png"):
            prepare(tmp_path / "mask.png", num_frames=num_frames)


@pytest.mark.parametrize("factor", [1, FACTOR, 4])
@pytest.mark.parametrize("frames", [(), (FRAMES,)])
def test_place_is_known_only_if_none_of_its_pixels_is_to_be_filled(factor, frames):
    masks = torch.from_numpy(bools(2, *frames, 8, 12, share=0.1))
    known = known_places(masks, factor)
    assert known.shape == (2, *(frames or (1,)), 8 // factor, 12 // factor)
    for b, t, h, w in np.ndindex(*known.shape):
        frame = masks[b, t] if frames else masks[b]
        pixels = [frame[h * factor + y, w * factor + x] for y in range(factor) for x in range(factor)]
        assert known[b, t, h, w] == (not any(pixels))


def test_places_must_divide_the_pixels():
    with pytest.raises(ValueError, match="multiples of 3"):
        known_places(torch.zeros(1, 6, 8, dtype=torch.bool), 3)


def test_something_must_be_hidden_and_something_known():
    known = torch.zeros(2, 1, 4, 5, dtype=torch.bool)
    known[0, 0, 0, 0] = True
    with pytest.raises(ValueError, match=r"`mask` must leave something to keep, got none of the 20 .* item 1"):
        check_places(known)
    check_places(known, may_know_nothing=True)
    check_places(known[:1])
    known[1] = True
    with pytest.raises(ValueError, match=r"`mask` must leave something to fill, got all of the 20 .* item 1"):
        check_places(known, may_know_nothing=True)


def test_composite_keeps_every_bit_outside_the_mask():
    original, generated = torch.rand(2, FRAMES, 3, HEIGHT, WIDTH), torch.rand(2, FRAMES, 3, HEIGHT, WIDTH)
    masks = torch.from_numpy(bools(2, FRAMES, HEIGHT, WIDTH))
    for dtype in (torch.float32, torch.bfloat16):
        found = composite(generated.to(dtype), original, masks)
        inside = masks[:, :, None].expand_as(found)
        assert found.dtype == torch.float32
        assert torch.equal(found[~inside], original[~inside])
        assert torch.equal(found[inside], generated.to(dtype).float()[inside])
