# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""NuwaProcessor gives `generate` what the pipelines give it, and its files are read back by transformers."""

import logging
import re
import shutil

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.hooks import apply_group_offloading
from tiny import FRAME_SIZE, NUM_CLASSES, VISUAL_GRID, tiny_codecs, tiny_pipeline, tiny_tokenizer, tiny_vqmodel
from tiny_clip import tiny_clip_tokenizer, tiny_nuwa
from transformers import AutoProcessor, AutoTokenizer

from nuwa_hf import (
    NuwaForConditionalGeneration,
    NuwaImageCompletionPipeline,
    NuwaProcessor,
    NuwaSketchToVideoPipeline,
    NuwaTextToImagePipeline,
    NuwaTextToVideoPipeline,
    NuwaVideoPredictionPipeline,
)
from nuwa_hf.training.tokens.caption_tokens import caption_ids


WIDTH, HEIGHT = FRAME_SIZE
SKETCH = np.random.default_rng(0).integers(NUM_CLASSES, size=(VISUAL_GRID[0], HEIGHT, WIDTH))
PICTURE = PIL.Image.fromarray(np.random.default_rng(1).integers(256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8))
MASK = np.zeros((HEIGHT, WIDTH), dtype=bool)
MASK[:, WIDTH // 2 :] = True
TEXT = "a red apple rolls to the left"


@pytest.fixture(scope="module")
def pipe():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def processor(pipe):
    return NuwaProcessor.of_config(pipe.transformer.config, pipe.tokenizer, pipe.vqgan, pipe.sketch_vqgan)


CALLS = {
    "T2V": (NuwaTextToVideoPipeline, {"prompt": TEXT}, {"text": TEXT}),
    "T2I": (NuwaTextToImagePipeline, {"prompt": [TEXT, "two birds"]}, {"text": [TEXT, "two birds"], "num_frames": 1}),
    "S2V": (NuwaSketchToVideoPipeline, {"sketch": SKETCH}, {"sketch": SKETCH}),
    "I2I": (NuwaImageCompletionPipeline, {"image": PICTURE, "mask": MASK}, {"images": PICTURE, "masks": MASK}),
    "V2V": (NuwaVideoPredictionPipeline, {"video": [PICTURE]}, {"videos": [PICTURE]}),
}


@pytest.mark.parametrize("task", CALLS)
def test_the_tokens_are_those_of_the_pipeline(pipe, processor, task):
    cls, arguments, inputs = CALLS[task]
    expected = cls.from_pipe(pipe)(**arguments, temperature=0, output_type="latent")[0]
    made = processor(**inputs)
    assert torch.equal(pipe.transformer.generate(**made, do_sample=False).tokens, expected)
    is_image = expected.shape[1] == 1
    decoded = (processor.decode_images if is_image else processor.decode_videos)(expected, output_type="np")
    shape = (len(expected), HEIGHT, WIDTH, 3) if is_image else (len(expected), *expected.shape[1:2], HEIGHT, WIDTH, 3)
    assert decoded.shape == shape


def test_texts_begin_at_the_first_place_whatever_the_tokenizer_was_loaded_with(pipe, processor, monkeypatch):
    """The model learnt them there; with the left side, as decoders of text need it, it read other places."""
    expected = processor(text="a bird")["input_ids"]
    monkeypatch.setattr(pipe.tokenizer, "padding_side", "left")
    assert torch.equal(processor(text="a bird")["input_ids"], expected)
    assert torch.equal(pipe.tokenize_prompt(["a bird"])[0], expected)
    assert torch.equal(caption_ids(pipe.tokenizer, ["a bird"])[:, : expected.shape[1]], expected)
    assert pipe.tokenizer.padding_side == "left"


def test_it_says_what_is_left_out_of_a_text(processor, caplog):
    """It cut the end off, and lost what the tokenizer does not know, without a word."""
    words = ["apple"] * processor.max_text_length
    with caplog.at_level(logging.WARNING):
        made = processor(text=[f"{' '.join(words)} sea", "a 龙 rolls"], negative_text="a bird")
    assert made["input_ids"].shape == (2, processor.max_text_length)
    long, unknown = caplog.messages
    assert re.fullmatch(r"The text is longer than \d+ tokens; this part was cut off: '.*sea'\.", long)
    assert unknown == "The text has characters that the tokenizer does not know: 'a 龙 rolls'."


def test_it_lies_beside_a_model_and_is_found_by_the_auto_classes(pipe, processor, tmp_path):
    pipe.transformer.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert type(loaded) is NuwaProcessor
    assert loaded.to_dict() == processor.to_dict()
    assert type(AutoTokenizer.from_pretrained(tmp_path)) is type(pipe.tokenizer)
    model = NuwaForConditionalGeneration.from_pretrained(tmp_path)
    tokens = model.generate(**loaded(text=TEXT, sketch=SKETCH), do_sample=False, return_dict_in_generate=False)
    expected = pipe.transformer.generate(**processor(text=TEXT, sketch=SKETCH), do_sample=False).tokens
    assert torch.equal(tokens, expected)
    assert [frame.size for frame in loaded.decode_videos(tokens)[0]] == [FRAME_SIZE] * VISUAL_GRID[0]


def test_a_call_leaves_no_trace_in_what_is_saved(tmp_path):
    pipe = tiny_pipeline(transformer=tiny_nuwa(), tokenizer=tiny_clip_tokenizer())
    processor = NuwaProcessor.of_config(pipe.transformer.config, pipe.tokenizer, pipe.vqgan)
    for name in ("before", "after"):
        processor.save_pretrained(tmp_path / name)
        processor(text=TEXT)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "before" / file).read_bytes() == (tmp_path / "after" / file).read_bytes()


@pytest.mark.parametrize("kind", ["nearest", "vqmodel"])
def test_variants_of_its_codecs_lie_side_by_side_and_what_belongs_to_others_stays(kind, tmp_path):
    """A variant was saved as none, and each save deleted all else from the codecs' folders."""
    processor = NuwaProcessor(tiny_tokenizer(), **tiny_codecs(kind))
    names = ("vqgan", "sketch_vqgan")
    full = {name: [weight.clone() for weight in getattr(processor, name).parameters()] for name in names}
    for name in names:
        getattr(processor, name).half()
    processor.save_pretrained(tmp_path, variant="fp16")
    (tmp_path / "vqgan" / "nuwa_hf_component.py").write_text("of a pipeline")
    for name in names:
        getattr(processor, name).float()
        for weight, value in zip(getattr(processor, name).parameters(), full[name], strict=True):
            weight.data.copy_(value)
    processor.save_pretrained(tmp_path)
    plain, half = NuwaProcessor.from_pretrained(tmp_path), NuwaProcessor.from_pretrained(tmp_path, variant="fp16")
    for name in names:
        assert all(map(torch.equal, getattr(plain, name).parameters(), full[name]))
        for weight, value in zip(getattr(half, name).parameters(), full[name], strict=True):
            assert torch.equal(weight.half(), value.half())
        assert not torch.equal(next(getattr(half, name).parameters()).float(), full[name][0])
    assert (tmp_path / "vqgan" / "nuwa_hf_component.py").read_text() == "of a pipeline"


def test_a_codec_that_is_offloaded_to_disk_is_not_saved_as_it_stands_in_memory(pipe, tmp_path):
    codec = tiny_vqmodel()  # diffusers' own, whose save does not ask
    settings = {"offload_type": "leaf_level", "offload_to_disk_path": str(tmp_path / "groups")}
    apply_group_offloading(codec, torch.device("cpu"), **settings)
    processor = NuwaProcessor.of_config(pipe.transformer.config, pipe.tokenizer, codec)
    with pytest.raises(ValueError, match="`vqgan` must not be offloaded to disk"):
        processor.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_it_reads_the_checkpoint_of_a_pipeline(checkpoint):
    processor = AutoProcessor.from_pretrained(checkpoint)
    assert type(processor) is NuwaProcessor
    assert processor.visual_grid == VISUAL_GRID
    assert processor.sketch_vqgan is not None
    with pytest.raises(OSError, match=r"must hold a processor \(processor_config.json\) or a pipeline"):
        NuwaProcessor.from_pretrained(checkpoint / "vqgan")


def test_it_is_read_from_a_subfolder_alone_or_as_a_pipelines(processor, checkpoint, tmp_path):
    processor.save_pretrained(tmp_path / "processor")
    shutil.copytree(checkpoint, tmp_path / "a" / "pipeline")
    for subfolder in ("processor", "a/pipeline"):
        loaded = AutoProcessor.from_pretrained(tmp_path, subfolder=subfolder)
        assert type(loaded) is NuwaProcessor
        assert loaded.to_dict() == processor.to_dict()
        for name in ("vqgan", "sketch_vqgan"):
            weights, expected = (getattr(one, name).state_dict() for one in (loaded, processor))
            assert all(torch.equal(weights[key], weight) for key, weight in expected.items())
    with pytest.raises(OSError, match=r", subfolder 'vqgan', must hold a processor \(processor_config.json\) or"):
        NuwaProcessor.from_pretrained(tmp_path / "processor", subfolder="vqgan")


def test_it_is_loaded_as_a_repository_with_code_of_one_commit_is(processor, tmp_path):
    """The commit of the code, which docs/hub.md advises to name, was no argument where nuwa_hf is installed."""
    processor.save_pretrained(tmp_path, standalone=True)
    commit = "0" * 40
    loaded = AutoProcessor.from_pretrained(tmp_path, trust_remote_code=True, revision=commit, code_revision=commit)
    assert type(loaded) is NuwaProcessor
    assert loaded.to_dict() == processor.to_dict()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"images": PICTURE, "videos": [PICTURE]}, "`images` and `videos` cannot both be given"),
        ({"masks": MASK}, "`masks` need `images` or `videos`"),
        ({"images": PICTURE, "num_frames": 1}, "`num_frames` must be more than the 1 of `images`"),
        (
            {"text": ["a", "b", "c"], "images": [PICTURE] * 2, "masks": MASK},
            "`text` must be one text, or one for each of 2",
        ),
        ({"text": TEXT, "num_frames": 9}, "`num_frames` must be"),
        ({"sketch": SKETCH[:2]}, "`sketch` must have 1 frame, for all, or 3, the `num_frames`, got 2; give as many"),
        ({"sketch": SKETCH, "num_frames": 2}, "`sketch` must have 1 frame, for all, or 2, .* got 3"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(processor, inputs, message):
    with pytest.raises(ValueError, match=message):
        processor(**inputs)


def test_a_sketch_has_a_frame_for_all_or_for_each(processor):
    """Others were stretched over the video."""
    each = processor(sketch=SKETCH)["sketch_tokens"]
    assert each.shape == (1, *VISUAL_GRID)
    assert torch.equal(processor(sketch=SKETCH[:2], num_frames=2)["sketch_tokens"], each[:, :2])
    assert torch.equal(processor(sketch=SKETCH[0])["sketch_tokens"], each[:, :1])


def test_masks_are_cut_where_their_clip_is(processor):
    """Masks of a long clip were counted whole, and refused beside the part of it that was used."""
    frames = np.random.default_rng(2).integers(256, size=(7, HEIGHT, WIDTH, 3), dtype=np.uint8)
    masks = np.repeat(MASK[None], 7, 0)
    masks[1:] = masks[1:, :, ::-1]
    made, cut = processor(videos=frames, masks=masks), slice(VISUAL_GRID[0])
    expected = processor(videos=frames[cut], masks=masks[cut])
    for name in ("known_tokens", "known_mask"):
        assert torch.equal(made[name], expected[name])
    with pytest.raises(ValueError, match=r"`masks` must have 1 frame, for all, or 3, the clip's, got 7"):
        processor(videos=frames[cut], masks=masks)


def test_a_video_is_not_decoded_as_an_image(processor):
    with pytest.raises(ValueError, match="`tokens` must have one frame, got 3; use `decode_videos`"):
        processor.decode_images(torch.zeros(1, *VISUAL_GRID, dtype=torch.long))
