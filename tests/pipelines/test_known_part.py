# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is given comes back as it was, what is hidden is never read, and both ways of reading what is given."""

import numpy as np
import PIL.Image
import pytest
import torch
from tiny import CAPTIONS, FACTOR, FRAME_SIZE, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline

from nuwa_hf.modeling.codec import few_frames
from nuwa_hf.pipelines.known_part import encode_known_part, smooth_over


TASKS = ("I2I", "V2V", "TI2I", "TV2V")
WITH_MASK = ("I2I", "TI2I", "TV2V")
WIDTH, HEIGHT = FRAME_SIZE


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(task):
    return tiny_pipeline(task)


def call(pipeline, task, **arguments):
    return pipeline(**{"generator": seeded(0), "output_type": "pt", **tiny_inputs(task), **arguments})


def given_part(task):
    """uint8 frames `(T, Y, X, 3)` and where they are to be filled, `(T, Y, X)`."""
    inputs = tiny_inputs(task)
    if task == "V2V":
        num_new = VISUAL_GRID[0] - len(inputs["video"])
        shape = inputs["video"].shape[:3]
        frames = np.concatenate([inputs["video"], np.zeros((num_new, HEIGHT, WIDTH, 3), np.uint8)])
        return frames, np.concatenate([np.zeros(shape, bool), np.ones((num_new, *shape[1:]), bool)])
    frames, mask = (inputs[name] for name in (("video" if task == "TV2V" else "image"), "mask"))
    return (frames, mask) if task == "TV2V" else (frames[None], mask[None])


def hidden_share(task):
    """The part of each token's pixels that is to be filled, `(T, H, W)`."""
    _, masks = given_part(task)
    return masks.reshape(len(masks), VISUAL_GRID[1], FACTOR, VISUAL_GRID[2], FACTOR).mean((2, 4))


def odd_mask(seed, *shape):
    """Scattered pixels and a block that starts and ends within tokens, but not everywhere."""
    mask = np.random.default_rng(seed).random(shape) < 0.05
    mask[..., 1:4, 3 + seed % 3 : 8] = True
    mask[..., :FACTOR, :FACTOR] = False
    return mask


def test_inputs_of_these_tests_hide_parts_of_tokens():
    for task in WITH_MASK:
        assert ((hidden_share(task) > 0) & (hidden_share(task) < 1)).any()


def test_tokens_of_known_places_are_those_of_the_codec(pipeline, task):
    frames, masks = given_part(task)
    pixels = torch.from_numpy(frames).movedim(-1, 1).float()[None] / 255
    known = encode_known_part(pipeline.vqgan, pixels, torch.from_numpy(masks)[None])
    assert known.places.any()
    assert not known.places.all()
    assert known.tokens[known.places].unique().numel() > 4
    for seed in range(3):
        tokens = call(pipeline, task, generator=seeded(seed)).tokens
        assert torch.equal(tokens[known.places], known.tokens[known.places])


def test_what_is_hidden_is_sampled(pipeline, task):
    count = {f"num_{'videos' if task.endswith('V') else 'images'}_per_prompt": 8}
    tokens = call(pipeline, task, generator=seeded(*range(8)), temperature=3.0, **count).tokens
    assert np.array_equal((tokens != tokens[0]).any(0).numpy(), hidden_share(task) > 0)


@pytest.mark.parametrize(("output_type", "seed"), [("pil", 0), ("np", 1), ("pt", 2)])
def test_pixels_outside_the_mask_are_bit_equal(pipeline, task, output_type, seed):
    inputs = tiny_inputs(task, seed)
    if task in WITH_MASK:
        inputs["mask"] = odd_mask(seed, *inputs["mask"].shape)
    output = pipeline(**inputs, generator=seeded(0), output_type=output_type)[0]
    given = inputs["video" if task.endswith("V") else "image"]
    kept = ~inputs["mask"] if task in WITH_MASK else np.ones(given.shape[:-1], bool)
    if output_type == "pil":
        found = np.stack([np.asarray(frame) for frame in output[0]]) if task.endswith("V") else np.asarray(output[0])
        expected = given
    else:
        found = output[0] if output_type == "np" else output[0].movedim(-3, -1).numpy()
        expected = given.astype(np.float32) / np.float32(255)
    found = found[: len(given)]
    assert found.dtype == expected.dtype
    assert np.array_equal(found[kept], expected[kept])
    if task in WITH_MASK:
        assert not np.array_equal(found, expected)


def test_floats_come_back_with_all_their_bits(pipeline, task):
    name = "video" if task.endswith("V") else "image"
    inputs = tiny_inputs(task)
    inputs[name] = np.random.default_rng(0).random(inputs[name].shape, dtype=np.float32)
    found = pipeline(**inputs, generator=seeded(0), output_type="np")[0][0][: len(inputs[name])]
    kept = ~inputs["mask"] if task in WITH_MASK else np.ones(found.shape[:-1], bool)
    assert found[kept].tobytes() == inputs[name][kept].tobytes()


def test_without_compositing_all_pixels_are_the_codecs(pipeline, task):
    plain = call(pipeline, task, composite=False)
    assert torch.equal(plain.tokens, call(pipeline, task).tokens)
    decoded = pipeline.decode_tokens(plain.tokens)
    assert torch.equal(plain[0], decoded if task.endswith("V") else decoded[:, 0])
    assert not torch.equal(plain[0], call(pipeline, task)[0])


@pytest.mark.parametrize("composite", [True, False])
@pytest.mark.parametrize("task", WITH_MASK, scope="module")
def test_pixels_under_the_mask_never_matter(pipeline, task, composite):
    name = "video" if task == "TV2V" else "image"
    inputs = tiny_inputs(task)
    expected = call(pipeline, task, composite=composite)
    for hidden in (0, 255, np.random.default_rng(1).integers(0, 256, inputs[name].shape)):
        changed = np.where(inputs["mask"][..., None], hidden, inputs[name]).astype(np.uint8)
        assert not np.array_equal(changed, inputs[name])
        found = call(pipeline, task, composite=composite, **{name: changed})
        assert torch.equal(found.tokens, expected.tokens)
        assert torch.equal(found[0], expected[0])


def test_the_papers_way_is_what_the_model_samples_without_the_condition(pipeline, task):
    frames, masks = given_part(task)
    pixels = torch.from_numpy(frames).movedim(-1, 1).float()[None] / 255
    known = encode_known_part(pipeline.vqgan, pixels, torch.from_numpy(masks)[None])
    text = pipeline.text_conditions([CAPTIONS[0]] if task.startswith("T") else None, batch_size=1)
    outputs = {}
    for condition_on_known in (True, False):
        tokens = call(pipeline, task, condition_on_known=condition_on_known).tokens
        expected = pipeline.transformer.generate(
            **text,
            grid=tuple(known.tokens.shape[1:]),
            known_tokens=known.tokens,
            known_mask=known.places,
            condition_on_known=condition_on_known,
            generator=seeded(0),
        ).tokens
        assert torch.equal(tokens, expected)
        outputs[condition_on_known] = tokens
    assert not torch.equal(outputs[True], outputs[False])


def test_one_mask_serves_all_inputs():
    pipeline, inputs = tiny_pipeline("I2I"), [tiny_inputs("I2I", seed) for seed in range(2)]
    mask, images = inputs[0]["mask"], [one["image"] for one in inputs]
    shared, repeated = (pipeline(images, one, generator=seeded(0, 1)).tokens for one in (mask, [mask, mask]))
    assert torch.equal(shared, repeated)


def test_without_a_mask_exactly_the_first_frame_is_kept():
    pipeline, inputs = tiny_pipeline("TV2V"), tiny_inputs("TV2V")
    mask = np.ones(inputs["mask"].shape, bool)
    mask[0] = False
    explicit, default = (
        pipeline(inputs["prompt"], inputs["video"], one, generator=seeded(0), output_type="np") for one in (mask, None)
    )
    assert np.array_equal(default.frames, explicit.frames)
    assert torch.equal(default.tokens, explicit.tokens)
    expected = inputs["video"].astype(np.float32) / np.float32(255)
    assert np.array_equal(default.frames[0, 0], expected[0])
    assert not (default.frames[0, 1:] == expected[1:]).all((1, 2, 3)).any()


def test_an_image_is_predicted_from_as_a_clip_of_one_frame():
    pipeline, frame = tiny_pipeline("V2V"), tiny_inputs("V2V")["video"][0]
    forms = [frame, frame[None], [frame], PIL.Image.fromarray(frame), [PIL.Image.fromarray(frame)]]
    first, *others = [pipeline(form, generator=seeded(0), output_type="np") for form in forms]
    assert len(first.frames[0]) == VISUAL_GRID[0]
    for other in others:
        assert np.array_equal(first.frames, other.frames)
        assert torch.equal(first.tokens, other.tokens)


def random_image_and_mask(seed, height, width):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, height, width, generator=generator)
    mask = torch.rand(1, height, width, generator=generator) < 0.6
    mask[0, 0, 0] = False
    return image, mask


SIZES = [(1, 1), (1, 7), (8, 1), (2, 2), (5, 3), (16, 16), (9, 31)]


@pytest.mark.parametrize("size", SIZES)
def test_smoothing_keeps_given_pixels_and_reads_no_others(size):
    image, mask = random_image_and_mask(0, *size)
    smooth = smooth_over(image, mask)
    assert smooth.shape == image.shape
    kept = ~mask[:, None].expand_as(image)
    assert torch.equal(smooth[kept], image[kept])
    for hidden in (torch.rand_like(image) * 100, torch.full_like(image, float("nan"))):
        assert torch.equal(smooth_over(torch.where(kept, image, hidden), mask), smooth)


@pytest.mark.parametrize("size", SIZES)
def test_smoothing_stays_between_the_given_pixels(size):
    image, mask = random_image_and_mask(1, *size)
    smooth, kept = smooth_over(image, mask), ~mask[0]
    for channel in range(3):
        given = image[0, channel][kept]
        assert smooth[0, channel].min() >= given.min() - 1e-6
        assert smooth[0, channel].max() <= given.max() + 1e-6


@pytest.mark.parametrize("size", SIZES)
def test_constant_image_stays_constant_and_an_unknown_one_is_zero(size):
    _, mask = random_image_and_mask(2, *size)
    color = torch.tensor([0.1, 0.5, 0.9])[None, :, None, None].expand(1, 3, *size)
    torch.testing.assert_close(smooth_over(color, mask), color.contiguous())
    assert (smooth_over(color, torch.ones_like(mask)) == 0).all()


def test_items_of_a_batch_are_smoothed_apart():
    pairs = [random_image_and_mask(seed, 9, 12) for seed in range(3)]
    images, masks = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    together = smooth_over(images, masks)
    for place, (image, mask) in enumerate(pairs):
        torch.testing.assert_close(together[place], smooth_over(image, mask)[0])


@pytest.mark.parametrize("task", ["V2V", "TV2V"])
def test_frames_of_which_nothing_is_given_are_not_encoded(task):
    """They were encoded as black pictures, whose tokens nobody reads: all frames but the first in an edit."""
    pipeline, given, num_frames = tiny_pipeline(task), tiny_inputs(task), []
    given |= {"mask": None} if task == "TV2V" else {"video": given["video"][:1]}
    pipeline.vqgan.encoder.register_forward_pre_hook(lambda module, inputs: num_frames.append(len(inputs[0])))
    pipeline(**{**given, "video": [given["video"]] * 2, "generator": seeded(0, 1)})
    assert num_frames == [2]  # one of each video


def test_one_output_of_each_input_copies_no_pixel():
    pipeline, given = tiny_pipeline("TV2V"), tiny_inputs("TV2V")
    pixels = torch.from_numpy(given["video"]).movedim(-1, 1).float()[None] / 255
    masks = torch.from_numpy(given["mask"])[None]
    for count in (1, 2):
        part = pipeline.encode_known_part(pixels, masks, count)
        assert (part.pixels.data_ptr() == pixels.data_ptr()) == (count == 1)
        assert torch.equal(part.pixels, pixels.repeat(count, 1, 1, 1, 1))


def test_a_part_of_which_nothing_is_given_has_no_tokens():
    pixels, masks = torch.rand(1, 2, 3, HEIGHT, WIDTH), torch.ones(1, 2, HEIGHT, WIDTH, dtype=torch.bool)
    part = encode_known_part(tiny_pipeline("V2V").vqgan, pixels, masks)
    assert not part.places.any()
    assert not part.tokens.any()


def test_frames_are_coded_a_few_at_a_time_to_the_same_tokens(monkeypatch):
    vqgan = tiny_pipeline("V2V").vqgan
    frames = torch.from_numpy(tiny_inputs("TV2V", num_frames=7)["video"]).movedim(-1, 1).float()[None] / 255
    masks = torch.from_numpy(odd_mask(0, 1, 7, HEIGHT, WIDTH))
    num_frames = []
    hook = vqgan.encoder.register_forward_pre_hook(lambda module, inputs: num_frames.append(len(inputs[0])))
    all_at_once = encode_known_part(vqgan, frames, masks)
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", 3 * HEIGHT * WIDTH)
    few = encode_known_part(vqgan, frames, masks)
    hook.remove()
    assert num_frames == [7, 3, 3, 1]
    assert torch.equal(few.tokens, all_at_once.tokens)
    assert torch.equal(few.places, all_at_once.places)
