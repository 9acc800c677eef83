# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A small world of drawn shapes, judges of it and of the setting "small" with random weights, and an Inception."""

import pytest
import torch
from tiny import tiny_sketch_vqgan, tiny_tokenizer, tiny_transformer, tiny_vqgan, with_spread_codes

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.datasets import EmojiMotion, EmojiMotionSetting, SpritePack
from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges, SegmentJudge
from nuwa_hf.evaluation.tasks.real_samples import RealSamples
from nuwa_hf.evaluation.tasks.task_evaluator import TaskEvaluator
from nuwa_hf.evaluation.tasks.text_to_video import through_codec


@pytest.fixture
def make_dataset():
    pack = SpritePack.drawn_shapes()

    def make(split="train", length=8, **overrides):
        setting = {
            "motions": ("right", "left", "up", "down"),
            "backgrounds": ("grass", "blue"),
            "size": 32,
            "num_frames": 4,
            "position_step": 4,
            "sprite_size": 16,
            "two_objects": 0.0,
            "calm_scenes": True,
        }
        return EmojiMotion(pack, setting=EmojiMotionSetting(**{**setting, **overrides}), split=split, length=length)

    return make


@pytest.fixture
def make_judges():
    def make(dataset):
        return Judges(
            FrameJudge(dataset.object_names, dataset.background_names, width=8),
            ClipJudge(dataset.motion_names, num_frames=dataset.setting.num_frames, width=4),
            SegmentJudge(list(sketch_class_names), width=8),
        )

    return make


@pytest.fixture
def small_world(make_dataset):
    return make_dataset("val", length=40, size=16, num_frames=3, sprite_size=8)


@pytest.fixture
def pipeline(small_world):
    """All four components, for the small world: tokens of 2 pixels, sketches of all classes."""
    num_classes = len(sketch_class_names)
    pixels = torch.from_numpy(small_world[0]["video"]).permute(0, 3, 1, 2).float() / 127.5 - 1
    return NuwaTextToVideoPipeline(
        vqgan=with_spread_codes(tiny_vqgan(), pixels),
        transformer=tiny_transformer(visual_grid=(3, 8, 8)),
        tokenizer=tiny_tokenizer(),
        sketch_vqgan=tiny_sketch_vqgan(in_channels=num_classes, out_channels=num_classes),
    )


@pytest.fixture
def evaluator(pipeline, small_world, make_judges):
    real = RealSamples.draw(small_world, 5)
    coded = through_codec(pipeline.vqgan, real.clips, batch_size=5)
    return TaskEvaluator(pipeline, make_judges(small_world), real, coded, batch_size=3, seed=7)


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory):
    """A file of random weights for torch-fidelity's Inception, all of its tensors at their real size; read only."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", reason="it is an extra")

    class WithoutWeights(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            pass

    file = tmp_path_factory.mktemp("inception") / "inception.pth"
    torch.save({}, file)
    generator = torch.Generator().manual_seed(0)
    network = WithoutWeights("random", ["2048"], feature_extractor_weights_path=file)
    for tensor in network.state_dict().values():
        if tensor.dim() > 1:  # as it is initialised, nothing of the image would reach the last layers
            gain = 2.0 if tensor.dim() == 4 else 1.0
            tensor.normal_(std=(gain / tensor[0].numel()) ** 0.5, generator=generator)
    torch.save(network.state_dict(), file)
    return file
