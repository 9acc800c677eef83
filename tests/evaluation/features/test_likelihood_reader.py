# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch

from nuwa_hf.evaluation.features.likelihood_reader import LikelihoodReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.modeling.likelihood import token_log_likelihood
from nuwa_hf.modeling.text_ids import none_text


@pytest.fixture
def batch(small_world):
    images = torch.stack([torch.from_numpy(small_world[index]["image"]).permute(2, 0, 1) for index in range(4)])
    hidden = torch.zeros(4, 1, 16, 16, dtype=torch.bool)
    hidden[:, :, :8] = True
    captions = [small_world[index]["image_caption"] for index in range(4)]
    return SampleBatch(torch.zeros_like(images)[:, None], captions, references=images[:, None], hidden=hidden)


@pytest.mark.parametrize("condition_on_known", [False, True])
def test_model_that_knows_nothing_needs_the_logarithm_of_the_codes(pipeline, batch, condition_on_known):
    torch.nn.init.zeros_(pipeline.transformer.head.weight)
    found = LikelihoodReader(pipeline, "", condition_on_known=condition_on_known)(batch)
    assert found["chance_nats"].tolist() == pytest.approx([math.log(pipeline.codec.codebook_size)] * 4)
    torch.testing.assert_close(found["nats"], found["chance_nats"], rtol=0, atol=1e-5)


def test_hidden_tokens_alone_count_and_the_rest_is_a_condition_if_asked_for(pipeline, batch):
    tokens = pipeline.codec.encode(batch.references[:, 0].float() / 127.5 - 1).tokens[:, None]
    known = torch.ones_like(tokens, dtype=torch.bool)
    known[:, :, :4] = False
    none = none_text(pipeline.transformer.config, 4)
    found = {}
    for way in (False, True):
        found[way] = LikelihoodReader(pipeline, "", condition_on_known=way)(batch)["nats"]
        scores = token_log_likelihood(pipeline.transformer, tokens, none, known_mask=known, condition_on_known=way)
        torch.testing.assert_close(found[way], -scores[:, :, :4].flatten(1).mean(1))
    assert (found[True] - found[False]).abs().max() > 1e-5


def test_without_a_hidden_part_every_token_counts_and_texts_are_read_if_asked_for(pipeline, batch):
    batch = SampleBatch(batch.clips, batch.captions, references=batch.references)
    reader = LikelihoodReader(pipeline, "", with_text=True)
    assert reader.needs == {"references", "captions"}
    pixels = batch.references[:, 0].float() / 127.5 - 1
    tokens = pipeline.codec.encode(pixels).tokens[:, None]
    expected = -token_log_likelihood(pipeline.transformer, tokens, *pipeline.tokenize_prompt(list(batch.captions)))
    torch.testing.assert_close(reader(batch)["nats"], expected.flatten(1).mean(1))


def test_sketches_of_any_size_are_a_condition_if_asked_for(pipeline, small_world, batch):
    sketches = torch.stack([torch.from_numpy(small_world[index]["image_sketch"]) for index in range(4)])
    sketches = sketches.long()[:, None]
    reader = LikelihoodReader(pipeline, "", with_sketch=True)
    assert reader.needs == {"references", "sketches"}
    assert reader.digest != LikelihoodReader(pipeline, "").digest
    tokens = pipeline.codec.encode(batch.references[:, 0].float() / 127.5 - 1).tokens[:, None]
    none = none_text(pipeline.transformer.config, 4)
    given = pipeline.encode_sketch(sketches)
    expected = -token_log_likelihood(pipeline.transformer, tokens, none, sketch_tokens=given).flatten(1).mean(1)
    for factor in (1, 2):
        large = sketches.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        found = reader(SampleBatch(batch.clips, references=batch.references, sketches=large))["nats"]
        torch.testing.assert_close(found, expected)
    unread = LikelihoodReader(pipeline, "")(SampleBatch(batch.clips, references=batch.references))["nats"]
    assert (expected - unread).abs().max() > 1e-5
