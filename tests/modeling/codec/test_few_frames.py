# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""However many videos there are, a codec gets a few frames at a time, and gives the same."""

import pytest
import torch
from tiny import (
    CAPTIONS,
    CODEBOOK_SIZE,
    FRAME_SIZE,
    NUM_CLASSES,
    VISUAL_GRID,
    tiny_pipeline,
    tiny_transformer,
    tiny_vqgan,
)

from nuwa_hf.evaluation.features.likelihood_reader import LikelihoodReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.evaluation.samples.through_codec import code_clips
from nuwa_hf.grid import Grid
from nuwa_hf.info.call_memory import call_memory
from nuwa_hf.modeling.codec import few_frames
from nuwa_hf.modeling.codec.few_frames import few_at_once, frames_at_once, reconstruct
from nuwa_hf.training.tokens.clip_tokens import tokenize_clips


WIDTH, HEIGHT = FRAME_SIZE
VIDEOS, FRAMES = 3, VISUAL_GRID[0]


def drawn(high, *shape, dtype=torch.uint8):
    return torch.randint(high, (VIDEOS, FRAMES, *shape), generator=torch.Generator().manual_seed(5), dtype=dtype)


CLIPS, SKETCHES = drawn(256, 3, HEIGHT, WIDTH), drawn(NUM_CLASSES, HEIGHT, WIDTH, dtype=torch.long)


def tokenized(pipeline):
    texts = {"caption": CAPTIONS[0], "image_caption": CAPTIONS[1], "image_index": 0}
    media = zip(CLIPS.permute(0, 1, 3, 4, 2).numpy(), SKETCHES.byte().numpy(), strict=True)
    samples = [{"video": video, "sketch": sketch, **texts} for video, sketch in media]
    return tokenize_clips(samples, range(VIDEOS), pipeline.vqgan, pipeline.tokenizer, pipeline.sketch_vqgan)


CODED = {
    "tokenised videos": lambda pipeline: tokenized(pipeline).video_tokens,
    "tokenised sketches": lambda pipeline: tokenized(pipeline).sketch_tokens,
    "sketches of a call": lambda pipeline: pipeline.encode_sketch(SKETCHES),
    "known part": lambda pipeline: pipeline.encode_known_part(CLIPS / 255, SKETCHES > 20, 1).tokens,
    "drawn tokens": lambda pipeline: pipeline.decode_tokens(drawn(CODEBOOK_SIZE, *VISUAL_GRID[1:], dtype=torch.long)),
    "real samples": lambda pipeline: code_clips(pipeline.vqgan, CLIPS),
    "likelihood": lambda pipeline: LikelihoodReader(pipeline, "")(SampleBatch(CLIPS, references=CLIPS))["nats"],
    "reconstruction": lambda pipeline: reconstruct(pipeline.codec, CLIPS.flatten(0, 1) / 127.5 - 1),
}


@pytest.mark.parametrize("what", CODED)
@torch.no_grad()
def test_the_codec_gets_a_few_frames_of_all_videos_at_a_time_and_gives_the_same(what, monkeypatch):
    pipeline, counts = tiny_pipeline(), []
    for codec in (pipeline.vqgan, pipeline.sketch_vqgan):
        for part in (codec.encoder, codec.decoder):
            part.register_forward_pre_hook(lambda module, inputs: counts.append(len(inputs[0])))
    together = CODED[what](pipeline)
    assert max(counts) == VIDEOS * FRAMES  # small pictures are many at once
    counts.clear()
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", 2 * HEIGHT * WIDTH + 1)
    torch.testing.assert_close(CODED[what](pipeline), together, rtol=0, atol=1e-5)
    assert max(counts) == 2


def test_as_many_frames_as_have_the_pixels_of_the_papers_video():
    assert frames_at_once(320, 336, 336) == 10
    assert frames_at_once(10**6, 64, 64) == 10 * 336 * 336 // 64**2 == 275
    assert frames_at_once(7, 64, 64) == 7
    assert frames_at_once(320, 4000, 3000) == 1


def test_what_belongs_to_the_frames_is_cut_as_they_are(monkeypatch):
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", 3)
    numbers, seen = torch.arange(7), []

    def work(one, other):
        seen.append(len(one))
        return 10 * one + other

    assert torch.equal(few_at_once(work, numbers, numbers + 1, height=1, width=1), 11 * numbers + 1)
    assert seen == [3, 3, 1]


def test_the_stated_memory_of_a_call_is_that_of_so_many_frames(monkeypatch):
    vqgan = tiny_vqgan()
    monkeypatch.setattr(few_frames, "PIXELS_AT_ONCE", 2 * HEIGHT * WIDTH)
    stated = call_memory(tiny_transformer(), {"vqgan": vqgan}, Grid(*VISUAL_GRID)).decoding
    assert stated == vqgan.decoding_memory(2, HEIGHT, WIDTH)
