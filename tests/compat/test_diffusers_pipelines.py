# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""diffusers' testers of pipelines, on the eight tasks, as diffusers' own tests of its pipelines use them.

A test of theirs that cannot apply is replaced by what it is about, or skipped with the reason.
"""

import unittest

import pytest
import torch
from checkouts import suite_module
from tiny import tiny_codecs, tiny_inputs, tiny_tokenizer, tiny_transformer

import nuwa_hf
from nuwa_hf.tasks import get_task


common = suite_module("DIFFUSERS_CHECKOUT", "pipelines.test_pipelines_common")
theirs = suite_module("DIFFUSERS_CHECKOUT", "pipelines.pipeline_params")
torch_device = suite_module("DIFFUSERS_CHECKOUT", "testing_utils").torch_device

# Nearby attention has no processors to give arguments to; our argument for a mask takes their name for it as well.
TEXT_PARAMS = theirs.TEXT_TO_IMAGE_PARAMS - {"cross_attention_kwargs"}
IMAGE_PARAMS = (theirs.IMAGE_INPAINTING_PARAMS - {"mask_image", "guidance_scale"}) | {"mask"}
EDIT_PARAMS = (theirs.TEXT_GUIDED_IMAGE_INPAINTING_PARAMS - {"mask_image"}) | {"mask"}


class NuwaPipelineTesterConfig:
    """What the testers ask a pipeline's test for, with the tiny components of our own tests."""

    task: str
    test_attention_slicing = False
    test_xformers_attention = False
    test_layerwise_casting = True
    test_group_offloading = True

    @property
    def pipeline_class(self):
        return getattr(nuwa_hf, get_task(self.task).pipeline)

    @property
    def required_optional_params(self):
        # Neither `num_inference_steps` nor `latents`: tokens are drawn wave by wave, from nothing.
        return {"generator", "output_type", "return_dict", f"num_{get_task(self.task).output}s_per_prompt"}

    def get_dummy_components(self):
        return {**tiny_codecs(), "transformer": tiny_transformer(), "tokenizer": tiny_tokenizer()}

    def get_dummy_inputs(self, device, seed=0):
        inputs = tiny_inputs(self.task, seed)
        if "image" in inputs:
            inputs["image"] = torch.from_numpy(inputs["image"]).permute(2, 0, 1)[None] / 255
            inputs["mask"] = torch.from_numpy(inputs["mask"])[None, None].float()
        device = "cpu" if str(device).startswith("mps") else device
        return {**inputs, "generator": torch.Generator(device).manual_seed(seed), "output_type": "np"}


class NuwaPipelineTesterMixin(NuwaPipelineTesterConfig, common.PipelineTesterMixin):
    """`PipelineTesterMixin`."""

    def test_inference_batch_single_identical(self):
        # Their own looks for `num_inference_steps` among the inputs.
        self._test_inference_batch_single_identical(3, additional_params_copy_to_batched_inputs=[])

    def test_attention_slicing_forward_pass(self):
        pytest.skip("nearby attention reads a few keys for each query, so there is nothing to slice")

    def test_StableDiffusionMixin_component(self):  # noqa: N802 (their name)
        pytest.skip("is about U-Nets of Stable Diffusion")

    def test_save_load_optional_components(self):
        if self.task in ("S2I", "S2V"):
            pytest.skip("the sketch's codec is optional in a checkpoint, but this task reads a sketch")
        super().test_save_load_optional_components()

    def test_callback_inputs(self):
        """Theirs asks for `latents`; what our waves change are `tokens`."""
        pipe = self.pipeline_class(**self.get_dummy_components()).to(torch_device)
        pipe.set_progress_bar_config(disable=None)
        inputs = self.get_dummy_inputs(torch_device) | {"output_type": "latent"}

        def callback_inputs(pipe, i, t, callback_kwargs):
            assert callback_kwargs.keys() == set(pipe._callback_tensor_inputs)
            if i == pipe.num_timesteps - 1:
                callback_kwargs["tokens"] = torch.zeros_like(callback_kwargs["tokens"])
            return callback_kwargs

        output = pipe(
            **inputs,
            callback_on_step_end=callback_inputs,
            callback_on_step_end_tensor_inputs=pipe._callback_tensor_inputs,
        )
        assert output[0].abs().sum() == 0

    def test_encode_prompt_works_in_isolation(self):
        """Theirs takes the transformer away; ours reads the texts, so the codecs go."""
        if "prompt" not in self.params:
            pytest.skip("takes no text")
        components = self.get_dummy_components()
        inputs = self.get_dummy_inputs(torch_device)
        without = {**components, "vqgan": None, "sketch_vqgan": None}
        names = ("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask")
        encoded = self.pipeline_class(**without).to(torch_device).encode_prompt(inputs["prompt"])
        embeds = dict(zip(names, encoded, strict=True))
        pipe = self.pipeline_class(**{**components, "tokenizer": None}).to(torch_device)
        expected = self.pipeline_class(**components).to(torch_device)(**inputs)[0]
        found = pipe(**{**self.get_dummy_inputs(torch_device), "prompt": None}, **embeds)[0]
        assert abs(found - expected).max() < 1e-4

    def test_num_images_per_prompt(self):
        if get_task(self.task).output == "video":
            pytest.skip("is about images")
        super().test_num_images_per_prompt()

    def test_cfg(self):
        self._skip_without_guidance()
        super().test_cfg()

    def test_callback_cfg(self):
        self._skip_without_guidance()
        super().test_callback_cfg()

    def _skip_without_guidance(self):
        if "guidance_scale" not in self.params:
            pytest.skip("takes no text, from which guidance could lead away")


class NuwaLatentTesterMixin(common.PipelineLatentTesterMixin):
    """`PipelineLatentTesterMixin`, for the tasks that make images."""

    image_latents_params = frozenset()

    def test_latents_input(self):
        pytest.skip("a call takes no latents")

    def test_multi_vae(self):
        pytest.skip("the transformer knows the tokens of its own codec, which an autoencoder without codes has not")


class NuwaFromPipeTesterMixin(common.PipelineFromPipeTesterMixin):
    """`PipelineFromPipeTesterMixin`, from the pipeline of text to video."""

    @property
    def original_pipeline_class(self):
        return nuwa_hf.NuwaTextToVideoPipeline

    def test_from_pipe_consistent_config(self):
        """Theirs loads Stable Diffusion from the Hub."""
        original = self.original_pipeline_class(**self.get_dummy_components())
        original.register_to_config(_name_or_path="user/model")
        again = self.original_pipeline_class.from_pipe(self.pipeline_class.from_pipe(original))
        assert dict(again.config) == dict(original.config)


class NuwaTests(NuwaPipelineTesterMixin, NuwaFromPipeTesterMixin):
    """All testers of a task."""


class TestNuwaTextToImage(NuwaTests, NuwaLatentTesterMixin, unittest.TestCase):
    task = "T2I"
    params = TEXT_PARAMS
    batch_params = theirs.TEXT_TO_IMAGE_BATCH_PARAMS
    image_params = theirs.TEXT_TO_IMAGE_IMAGE_PARAMS


class TestNuwaTextToVideo(NuwaTests, unittest.TestCase):
    task = "T2V"
    params = TEXT_PARAMS
    batch_params = theirs.TEXT_TO_IMAGE_BATCH_PARAMS


class TestNuwaSketchToImage(NuwaTests, NuwaLatentTesterMixin, unittest.TestCase):
    task = "S2I"
    params = TEXT_PARAMS | {"sketch"}
    batch_params = theirs.TEXT_TO_IMAGE_BATCH_PARAMS | {"sketch"}
    image_params = frozenset()  # a sketch has classes, not colours

    def test_encode_prompt_works_in_isolation(self):
        pytest.skip("the tiny inputs of this task have no text; text to image has the same code")


class TestNuwaSketchToVideo(NuwaTests, unittest.TestCase):
    task = "S2V"
    params = TEXT_PARAMS | {"sketch"}
    batch_params = theirs.TEXT_TO_IMAGE_BATCH_PARAMS | {"sketch"}

    def test_encode_prompt_works_in_isolation(self):
        pytest.skip("the tiny inputs of this task have no text; text to video has the same code")


class TestNuwaImageCompletion(NuwaTests, NuwaLatentTesterMixin, unittest.TestCase):
    task = "I2I"
    params = IMAGE_PARAMS
    batch_params = frozenset({"image", "mask"})
    image_params = frozenset({"image", "mask"})


class TestNuwaTextGuidedImageManipulation(NuwaTests, NuwaLatentTesterMixin, unittest.TestCase):
    task = "TI2I"
    params = EDIT_PARAMS
    batch_params = frozenset({"prompt", "negative_prompt", "image", "mask"})
    image_params = frozenset({"image", "mask"})


class TestNuwaVideoPrediction(NuwaTests, unittest.TestCase):
    task = "V2V"
    params = frozenset({"video", "height", "width"})
    batch_params = frozenset({"video"})


class TestNuwaTextGuidedVideoManipulation(NuwaTests, unittest.TestCase):
    task = "TV2V"
    params = TEXT_PARAMS | {"video", "mask"}
    batch_params = frozenset({"prompt", "negative_prompt", "video", "mask"})
