# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from dataclasses import replace

import torch
from tiny import tiny_vqgan

from nuwa_hf.evaluation.samples.partly_hidden import PartlyHidden
from nuwa_hf.evaluation.samples.task_inputs import task_inputs
from nuwa_hf.evaluation.samples.through_codec import ThroughCodec


def test_samples_are_those_that_the_codec_gives_by_hand(pipeline, open_clips):
    real = open_clips()
    coded = ThroughCodec(real, pipeline.vqgan)
    assert (len(coded), coded.num_frames, coded.height, coded.width, coded.name) == (7, 3, 8, 10, "codec")
    assert coded.has == {"captions", "sketches", "references"}
    for batch, of_real in zip(coded.batches(3), real.batches(3), strict=True):
        assert torch.equal(batch.references, of_real.clips)
        assert batch.captions == of_real.captions
        video = batch.references.transpose(1, 2) / 127.5 - 1  # (B, C, T, Y, X), as a codec takes videos
        with torch.no_grad():
            decoded = pipeline.vqgan.decode(pipeline.vqgan.encode(video).tokens).sample
        expected = ((decoded + 1) * 127.5).clamp(0, 255).transpose(1, 2)
        assert (batch.clips - expected).abs().max() < 0.51  # rounded to whole levels


def test_only_what_a_task_fills_goes_through_the_codec(pipeline, open_clips):
    inputs = task_inputs("V2V", open_clips(), pipeline, given_frames=2)
    plain = list(ThroughCodec(inputs.real, pipeline.vqgan).batches(4))
    for batch, coded in zip(ThroughCodec(inputs.real, pipeline.vqgan, inputs).batches(4), plain, strict=True):
        assert torch.equal(batch.clips[:, :2], batch.references[:, :2])
        assert torch.equal(batch.clips[:, 2], coded.clips[:, 2])
        assert batch.hidden.flatten(2).all(2).tolist() == [[False, False, True]] * len(batch.clips)


def test_digest_is_of_samples_codec_and_hidden_part(pipeline, open_clips):
    real = open_clips()
    inputs = [task_inputs("V2V", real, pipeline, given_frames=given) for given in (1, 2)]
    sets = [
        ThroughCodec(real, pipeline.vqgan),
        ThroughCodec(real, tiny_vqgan()),
        ThroughCodec(open_clips(num_samples=2), pipeline.vqgan),
        *(ThroughCodec(real, pipeline.vqgan, one) for one in inputs),
    ]
    assert len({one.digest for one in sets}) == 5
    # A task that is given nothing hides nothing.
    assert ThroughCodec(real, pipeline.vqgan, task_inputs("T2V", real, pipeline)).digest == sets[0].digest


def test_digest_of_what_is_hidden_is_that_of_its_places(pipeline, open_clips):
    inputs = task_inputs("I2I", open_clips(still=True), pipeline, mask="five-percent-kept")
    coarser = replace(inputs, factor=2 * inputs.factor)
    sets = [PartlyHidden(inputs.real, one) for one in (inputs, coarser)]
    masks = [next(one.batches(4)).hidden for one in sets]
    assert not torch.equal(*masks)
    assert sets[0].digest != sets[1].digest
