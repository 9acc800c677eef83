# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What users of diffusers' own pipelines are used to works here and means the same."""

import inspect
import sys

import diffusers
import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.callbacks import SDCFGCutoffCallback
from diffusers.loaders.lora_base import LoraBaseMixin
from diffusers.models.autoencoders.vae import AutoencoderMixin
from diffusers.utils import dynamic_modules_utils
from safetensors.torch import load_file
from tiny import (
    CAPTIONS,
    CODEBOOK_SIZE,
    FACTOR,
    FRAME_SIZE,
    seeded,
    tiny_codecs,
    tiny_inputs,
    tiny_pipeline,
    tiny_sketch_vqgan,
    tiny_transformer,
    tiny_vqgan,
)

import nuwa_hf
from nuwa_hf.modeling.layerwise_casting import LayerwiseCastingMixin
from nuwa_hf.tasks import TASKS, get_task


LAYERS = (torch.nn.Embedding, torch.nn.Linear)
EMBEDS = ("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask")
WITH_TEXT = ["T2I", "T2V", "S2I", "S2V", "TI2I", "TV2V"]


@pytest.fixture(scope="module")
def pipelines():
    """One pipeline of each task, all with the same components; no test changes them."""
    first = tiny_pipeline("T2I")
    made = {task.abbreviation: getattr(nuwa_hf, task.pipeline).from_pipe(first) for task in TASKS}
    for pipeline in made.values():
        pipeline.set_progress_bar_config(disable=True)
    return made


def tokens_of(pipeline, **arguments):
    given = {**tiny_inputs(pipeline.task.abbreviation), "generator": seeded(0), "output_type": "latent", **arguments}
    return pipeline(**given).tokens


def test_auto_pipelines_find_ours_from_any_of_our_tasks(pipelines):
    for task, pipeline in pipelines.items():
        completes = "I2I" if task == "I2I" else "TI2I"
        for auto, expected in (("Text2Image", "T2I"), ("Inpainting", completes)):
            found = getattr(diffusers, f"AutoPipelineFor{auto}").from_pipe(pipeline)
            assert type(found).__name__ == get_task(expected).pipeline
            assert found.transformer is pipeline.transformer


def test_auto_pipeline_loads_a_checkpoint_for_its_task(checkpoint):
    loaded = diffusers.AutoPipelineForInpainting.from_pretrained(checkpoint)
    assert type(loaded) is nuwa_hf.NuwaTextGuidedImageManipulationPipeline


@pytest.mark.parametrize("task", WITH_TEXT)
def test_texts_that_were_encoded_before_draw_what_texts_draw(pipelines, task):
    pipeline = pipelines[task]
    texts, negative = [CAPTIONS[1]], [CAPTIONS[2]]
    given = {"guidance_scale": 3.0}
    expected = tokens_of(pipeline, prompt=texts, negative_prompt=negative, **given)
    embeds = dict(zip(EMBEDS, pipeline.encode_prompt(texts, negative), strict=True))
    without_tokenizer = type(pipeline)(**{**pipeline.components, "tokenizer": None})
    without_tokenizer.set_progress_bar_config(disable=True)
    assert torch.equal(tokens_of(without_tokenizer, prompt=None, **embeds, **given), expected)


@pytest.mark.parametrize(
    ("dtype", "storage_dtype"), [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float8_e4m3fn)]
)
def test_encoded_texts_are_read_in_the_dtype_that_layers_compute_in(dtype, storage_dtype):
    """They were cast to the one that weights are stored in, or not at all."""
    pipeline = tiny_pipeline("T2V").to(dtype)
    pipeline.transformer.enable_layerwise_casting(storage_dtype=storage_dtype)
    texts, negative, given = [CAPTIONS[1]], [CAPTIONS[2]], {"guidance_scale": 3.0}
    expected = tokens_of(pipeline, prompt=texts, negative_prompt=negative, **given)
    embeds = dict(zip(EMBEDS, pipeline.encode_prompt(texts, negative), strict=True))
    embeds = {name: value.float() if "embeds" in name else value for name, value in embeds.items()}
    assert torch.equal(tokens_of(pipeline, prompt=None, **embeds, **given), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_stored_in_8_bits_is_saved_so_and_loads_in_the_dtype_of_its_layers(dtype, tmp_path):
    """The configuration named a dtype that nothing can be computed in, and could not be loaded."""
    pipeline = tiny_pipeline("T2V").to(dtype)
    for part in (pipeline.transformer, pipeline.vqgan):
        part.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn)
        assert part.dtype == dtype
    pipeline.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "transformer" / "model.safetensors")["head.weight"]
    assert torch.equal(stored.float(), pipeline.transformer.head.weight.float())
    assert stored.dtype == torch.float8_e4m3fn
    model = nuwa_hf.NuwaForConditionalGeneration.from_pretrained(tmp_path / "transformer")
    assert {weight.dtype for weight in model.parameters()} == {dtype}
    loaded = nuwa_hf.NuwaTextToVideoPipeline.from_pretrained(tmp_path, dtype=dtype)
    loaded.set_progress_bar_config(disable=True)
    assert {weight.dtype for part in (loaded.transformer, loaded.vqgan) for weight in part.parameters()} == {dtype}
    batch = {"input_ids": torch.tensor([[5, 6, 7]]), "visual_tokens": torch.zeros(1, 3, 4, 5, dtype=torch.long)}
    assert torch.equal(loaded.transformer(**batch).logits, pipeline.transformer(**batch).logits)
    assert torch.equal(loaded.decode_tokens(batch["visual_tokens"]), pipeline.decode_tokens(batch["visual_tokens"]))


def test_encoded_texts_are_repeated_scored_and_guided_away_from_none(pipelines):
    pipeline = pipelines["T2I"]
    many = {"generator": seeded(1, 2, 3, 4), "num_images_per_prompt": 2, "num_candidates": 2, "guidance_scale": 2.0}
    texts = list(CAPTIONS[:2])
    embeds, mask, _, _ = pipeline.encode_prompt(texts, do_classifier_free_guidance=False)
    found = tokens_of(pipeline, prompt=None, prompt_embeds=embeds, prompt_attention_mask=mask, **many)
    many["generator"] = seeded(1, 2, 3, 4)
    assert torch.equal(found, tokens_of(pipeline, prompt=texts, **many))


def test_encode_prompt_needs_no_codec(pipelines):
    components = {**pipelines["T2I"].components, "vqgan": None, "sketch_vqgan": None}
    alone = nuwa_hf.NuwaTextToImagePipeline(**components).encode_prompt(CAPTIONS[0])
    assert all(map(torch.equal, alone, pipelines["T2I"].encode_prompt([CAPTIONS[0]])))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt_embeds": torch.zeros(1, 3, 16)}, ValueError, "One of `prompt` and `prompt_embeds`.* got both"),
        (
            {"prompt": None, "prompt_embeds": torch.zeros(1, 3, 15)},
            ValueError,
            r"\(batch, length, 16\).*got \(1, 3, 15",
        ),
        ({"prompt": None, "prompt_embeds": torch.zeros(1, 13, 16)}, ValueError, "length of 1 to 12"),
        ({"prompt": None, "prompt_embeds": torch.zeros(1, 3, 16, dtype=torch.long)}, TypeError, "tensor of floats"),
        ({"prompt_attention_mask": torch.ones(1, 3)}, ValueError, "`prompt_attention_mask` must stand beside"),
        (
            {"prompt": None, "prompt_embeds": torch.zeros(1, 3, 16), "prompt_attention_mask": torch.ones(1, 4)},
            ValueError,
            r"the mask of `prompt_embeds` must have shape \(1, 3\)",
        ),
        ({"negative_prompt_embeds": torch.zeros(2, 3, 16)}, ValueError, "one text for each of the 1 inputs, got 2"),
        ({"height": 9}, ValueError, "`height` must be 8, since this checkpoint draws 8x10 pixels.* got 9"),
        ({"height": FRAME_SIZE[1], "width": 8}, ValueError, "`width` must be 10"),
        ({"width": 10.0}, TypeError, "`width` must be a whole number"),
        ({"num_inference_steps": 20}, TypeError, "`num_inference_steps`: the number of steps follows from the size"),
        ({"guidence_scale": 3.0}, TypeError, "no argument `guidence_scale`; did you mean `guidance_scale`"),
        ({"mask_image": None}, TypeError, "no argument `mask_image`"),
    ],
)
def test_what_a_call_cannot_follow_is_refused(pipelines, arguments, error, message):
    with pytest.raises(error, match=message):
        tokens_of(pipelines["T2I"], **arguments)


def test_a_scorer_of_texts_needs_texts(pipelines):
    embeds = {"prompt": None, "prompt_embeds": torch.zeros(1, 3, 16)}
    with pytest.raises(ValueError, match="`scorer` must be None with `prompt_embeds`"):
        tokens_of(pipelines["T2I"], scorer=lambda frames, prompts: torch.zeros(1), num_candidates=2, **embeds)


def test_mask_image_is_mask_and_what_the_processors_make_a_call_takes(pipelines):
    pipeline, inputs = pipelines["TI2I"], tiny_inputs("TI2I")
    expected = tokens_of(pipeline)
    height, width = pipeline.image_size
    image = pipeline.image_processor.preprocess(PIL.Image.fromarray(inputs["image"]), height, width)
    mask = pipeline.mask_processor.preprocess(PIL.Image.fromarray(inputs["mask"]), height, width)
    assert mask.shape == (1, 1, height, width)
    given = {"prompt": inputs["prompt"], "generator": seeded(0), "height": height, "width": width}
    output = pipeline(image=image, mask_image=mask, output_type="pt", **given)
    assert torch.equal(output.tokens, expected)
    given["generator"] = seeded(0)
    assert torch.equal(pipeline(image=[image], mask_image=[mask], **given).tokens, expected)
    (picture,) = pipeline.image_processor.postprocess(output.images, output_type="pil")
    given["generator"] = seeded(0)
    assert np.array_equal(picture, pipeline(image=image, mask_image=mask, **given).images[0])
    with pytest.raises(TypeError, match="`mask_image` is another name of `mask`, got both"):
        pipeline(image=image, mask=mask, mask_image=mask, **given)


def test_what_the_video_processor_makes_a_call_takes_and_the_other_way_round(pipelines):
    """diffusers' own puts channels before frames, which nothing showed where a clip had 1, 3 or 4 frames."""
    pipeline, inputs = pipelines["TV2V"], tiny_inputs("TV2V")
    height, width = pipeline.image_size
    frames = [PIL.Image.fromarray(frame) for frame in inputs["video"]]
    clip = pipeline.video_processor.preprocess_video(frames, height, width)
    assert clip.shape == (1, 3, 3, height, width)
    given = {**inputs, "video": clip}
    output = pipeline(**given, generator=seeded(0), output_type="pt")
    assert torch.equal(output.tokens, tokens_of(pipeline))
    assert torch.equal(pipeline.video_processor.postprocess_video(output.frames, "pt"), output.frames)
    for kind in ("np", "pil"):
        (found,) = pipeline.video_processor.postprocess_video(output.frames, kind)
        (expected,) = pipeline(**given, generator=seeded(0), output_type=kind).frames
        assert np.array_equal(np.stack(found), np.stack(expected))
    assert pipeline.vae_scale_factor == FACTOR


def test_a_callback_guides_the_later_waves_as_it_likes(pipelines):
    pipeline, first = pipelines["T2V"], {}

    def raise_once(pipe, step, timestep, callback_kwargs):
        if step == 0:
            first["tokens"] = callback_kwargs["tokens"].clone()
            pipe._guidance_scale = 7.0
        return callback_kwargs

    found = tokens_of(pipeline, guidance_scale=2.0, callback_on_step_end=raise_once)
    assert pipeline.guidance_scale == 7.0

    def begin_alike(pipe, step, timestep, callback_kwargs):
        return first if step == 0 else callback_kwargs

    assert torch.equal(found, tokens_of(pipeline, guidance_scale=7.0, callback_on_step_end=begin_alike))
    assert not torch.equal(found, tokens_of(pipeline, guidance_scale=2.0))


TWO_OF_EACH = {"prompt": list(CAPTIONS[:2]), "num_videos_per_prompt": 2}


def test_a_callback_guides_each_output_as_it_likes(pipelines):
    pipeline, first, scales = pipelines["T2V"], {}, [7.0, 2.0, 1.5, 4.0]

    def guide(pipe, step, timestep, callback_kwargs):
        if step == 0:
            first["tokens"] = callback_kwargs["tokens"].clone()
            pipe._guidance_scale = scales
        assert pipe.guidance_scale == scales

    given = {**TWO_OF_EACH, "guidance_scale": 2.0, "generator": seeded(0, 1, 2, 3)}
    found = tokens_of(pipeline, callback_on_step_end=guide, **given)

    def begin_alike(pipe, step, timestep, callback_kwargs):
        return first if step == 0 else callback_kwargs

    given |= {"guidance_scale": scales, "generator": seeded(0, 1, 2, 3)}
    assert torch.equal(found, tokens_of(pipeline, callback_on_step_end=begin_alike, **given))
    assert pipeline.guidance_scale == scales


@pytest.mark.parametrize("scale", [[7.0, 2.0], [3.0, 2.0, 1.0], [], [2.0, 2.0, 2.0, float("nan")], "2", True, None])
def test_scales_of_a_callback_are_one_number_or_one_for_each_output(pipelines, scale):
    """Two of them for two prompts with two videos each were given to the outputs in turn."""

    def guide(pipe, step, timestep, callback_kwargs):
        pipe._guidance_scale = scale

    given = {**TWO_OF_EACH, "guidance_scale": 2.0, "generator": seeded(0, 1, 2, 3)}
    with pytest.raises(ValueError, match="a finite number, or a list with one for each of the 4 outputs"):
        tokens_of(pipelines["T2V"], callback_on_step_end=guide, **given)


def test_guidance_that_was_off_cannot_be_turned_on_midway(pipelines):
    def turn_on(pipe, step, timestep, callback_kwargs):
        pipe._guidance_scale = 2.0

    with pytest.raises(ValueError, match="must stay at most 1 for output 0, which began without guidance"):
        tokens_of(pipelines["T2V"], guidance_scale=1.0, callback_on_step_end=turn_on)


@pytest.fixture(scope="module")
def one_layer():
    """In one layer the keys of earlier waves do not depend on the text, so a text that comes late counts as whole."""
    return tiny_pipeline("T2V", transformer=tiny_transformer(num_decoder_layers=1))


@pytest.mark.parametrize("is_in_place", [True, False])
def test_a_callback_lets_the_later_waves_read_another_text(one_layer, is_in_place):
    given = {"guidance_scale": 3.0, "negative_prompt": CAPTIONS[2], "generator": seeded(0)}
    other = dict(zip(EMBEDS, one_layer.encode_prompt(CAPTIONS[1], CAPTIONS[0]), strict=True))
    first = {}

    def begin(pipe, step, timestep, callback_kwargs):
        if step > 0:
            return {}
        assert {name: value.shape for name, value in callback_kwargs.items() if "negative" not in name} == {
            "tokens": callback_kwargs["tokens"].shape,
            "prompt_embeds": other["prompt_embeds"].shape,
            "prompt_attention_mask": other["prompt_attention_mask"].shape,
        }
        first["tokens"] = callback_kwargs["tokens"].clone()
        if not is_in_place:
            return other
        for name, value in other.items():
            callback_kwargs[name].copy_(value)

    names = one_layer._callback_tensor_inputs
    found = tokens_of(one_layer, callback_on_step_end=begin, callback_on_step_end_tensor_inputs=names, **given)
    given |= {"prompt": CAPTIONS[1], "negative_prompt": CAPTIONS[0], "generator": seeded(0)}
    expected = tokens_of(one_layer, callback_on_step_end=lambda p, step, t, kw: {} if step else first, **given)
    assert torch.equal(found, expected)


def test_a_callback_may_return_the_same_tensor_with_another_text(pipelines):
    """Its tensor was kept, so the text that it wrote into it later was taken for no change."""
    pipeline = pipelines["T2V"]
    texts = [pipeline.encode_prompt(text, do_classifier_free_guidance=False)[0] for text in CAPTIONS[1:]]

    def drawn(is_copied):
        own = torch.empty_like(texts[0])

        def change(pipe, step, timestep, callback_kwargs):
            own.copy_(texts[step % 2])
            return {"prompt_embeds": own.clone() if is_copied else own}

        asked = {"callback_on_step_end_tensor_inputs": ["prompt_embeds"]}
        return tokens_of(pipeline, guidance_scale=3.0, callback_on_step_end=change, **asked)

    assert torch.equal(drawn(False), drawn(True))


@pytest.mark.gpu
def test_a_callback_may_return_texts_of_another_device():
    pipeline = tiny_pipeline("T2V").to("cuda")
    names = pipeline._callback_tensor_inputs

    def as_they_were(pipe, step, timestep, callback_kwargs):
        return {name: None if value is None else value.cpu() for name, value in callback_kwargs.items()}

    found = tokens_of(pipeline, callback_on_step_end=as_they_were, callback_on_step_end_tensor_inputs=names)
    assert torch.equal(found, tokens_of(pipeline))


def test_a_callback_of_diffusers_cuts_guidance_off(pipelines):
    cut = {"callback_on_step_end": SDCFGCutoffCallback(cutoff_step_ratio=None, cutoff_step_index=0)}
    given = {"guidance_scale": 3.0}
    found = tokens_of(pipelines["T2V"], **cut, **given)

    def end_guidance(pipe, step, timestep, callback_kwargs):
        pipe._guidance_scale = 0.0

    assert torch.equal(found, tokens_of(pipelines["T2V"], callback_on_step_end=end_guidance, **given))
    assert not torch.equal(found, tokens_of(pipelines["T2V"], **given))


@pytest.mark.parametrize(
    ("returned", "arguments", "message"),
    [
        ({"prompt_embeds": torch.zeros(1, 3, 16)}, {}, r"of shape \(1, 12, 16\), got \(1, 3, 16\); pad the text"),
        ({"negative_prompt_embeds": torch.zeros(1, 1, 16)}, {}, "must leave `negative_prompt_embeds` None in a call"),
        ({"prompt_embeds": torch.zeros(1, 12, 16)}, {"num_candidates": 2}, "as it is with `num_candidates` above 1"),
    ],
)
def test_a_text_that_later_waves_cannot_read_is_refused(pipelines, returned, arguments, message):
    names = list(returned)
    arguments |= {"callback_on_step_end": lambda *given: returned, "callback_on_step_end_tensor_inputs": names}
    with pytest.raises(ValueError, match=message):
        tokens_of(pipelines["T2I"], guidance_scale=1.0, **arguments)


def write_in_place(kwargs):
    kwargs["tokens"][:, 0, 0, 0] = CODEBOOK_SIZE


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda kwargs: {"tokens": kwargs["tokens"][-1:]}, ValueError, r"of shape \(2, 3, 4, 5\), got \(1, 3, 4, 5\)"),
        (lambda kwargs: {"tokens": kwargs["tokens"].float()}, TypeError, "must be whole numbers.*got torch.float32"),
        (lambda kwargs: {"tokens": kwargs["tokens"].tolist()}, TypeError, "must be whole numbers"),
        (lambda kwargs: {"tokens": kwargs["tokens"] - 1}, ValueError, r"must lie in \[0, 32\).*got -1"),
        (lambda kwargs: {"tokens": kwargs["tokens"] + CODEBOOK_SIZE}, ValueError, r"must lie in \[0, 32\)"),
        (write_in_place, ValueError, r"must lie in \[0, 32\).* to 32;"),
    ],
    ids=["one row", "floats", "list", "below", "above", "in place"],
)
def test_tokens_that_later_waves_cannot_read_are_refused_at_once(pipelines, change, error, message):
    """A row was spread over the batch, floats were cut, and a token without a code was an error of an index."""
    steps = []

    def once(pipe, step, timestep, callback_kwargs):
        steps.append(step)
        return change(callback_kwargs) if step == 1 else {}

    with pytest.raises(error, match=message):
        tokens_of(pipelines["T2V"], prompt=list(CAPTIONS[:2]), callback_on_step_end=once, generator=seeded(0, 1))
    assert steps == [0, 1]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (nuwa_hf.NuwaTextToVideoPipeline, diffusers.DiffusionPipeline),
        (nuwa_hf.NuwaTextToVideoPipeline, LoraBaseMixin),
        (nuwa_hf.NuwaVQGAN, AutoencoderMixin),
        (nuwa_hf.NuwaVQGAN, diffusers.ModelMixin),
        (nuwa_hf.NuwaForConditionalGeneration, LayerwiseCastingMixin),
    ],
)
def test_methods_of_diffusers_take_the_arguments_of_diffusers(ours, theirs):
    """By name and in their order; some were missing."""
    if theirs is LayerwiseCastingMixin:  # of a model of transformers, for which diffusers has no class
        names, theirs = ["enable_layerwise_casting"], diffusers.ModelMixin
    else:
        names = [name for name in vars(theirs) if not name.startswith("_") and hasattr(ours, name)]
        names = [name for name in names if inspect.isroutine(getattr(ours, name))]
        assert issubclass(ours, theirs)
    assert names
    for name in names:
        own, other = (inspect.signature(getattr(one, name)).parameters for one in (ours, theirs))
        wanted = {key: value for key, value in other.items() if value.kind not in (value.VAR_KEYWORD,)}
        if not any(value.kind is value.VAR_KEYWORD for value in own.values()):
            assert list(own)[: len(wanted)] == list(wanted), name
            assert [own[key].default for key in wanted] == [value.default for value in wanted.values()], name


def test_layers_of_a_class_keep_their_dtype_where_others_are_cast():
    model = tiny_transformer()
    model.enable_layerwise_casting(torch.bfloat16, skip_modules_classes=(torch.nn.Embedding,), non_blocking=True)
    kinds = {kind: {w.dtype for m in model.modules() if type(m) is kind for w in m.parameters()} for kind in LAYERS}
    assert kinds == {torch.nn.Embedding: {torch.float32}, torch.nn.Linear: {torch.bfloat16}}


def test_switches_of_the_codec_reach_both_codecs():
    pipeline = tiny_pipeline("S2I")
    for switch in ("slicing", "tiling"):
        for is_on in (True, False):
            getattr(pipeline, f"{'enable' if is_on else 'disable'}_vae_{switch}")()
            assert [getattr(one, f"use_{switch}") for one in (pipeline.vqgan, pipeline.sketch_vqgan)] == [is_on] * 2


def test_tiles_of_a_given_size_are_what_the_codec_gets(caplog):
    """No size could be given, and one that the codec had was lost: the whole picture was one tile."""
    pipeline, sides = tiny_pipeline("V2V"), []
    for part in (pipeline.vqgan.encoder, pipeline.vqgan.decoder):
        part.register_forward_pre_hook(lambda module, inputs: sides.append(max(inputs[0].shape[-2:])))

    def largest_sides():
        """Of what the encoder and the decoder get: pixels and tokens."""
        sides.clear()
        tokens_of(pipeline, output_type="pt")
        return max(sides), min(sides)

    pipeline.enable_vae_tiling(2 * FACTOR)
    assert largest_sides() == (2 * FACTOR, 2)
    pipeline.enable_vae_tiling(tile_overlap_factor=0.5)
    assert largest_sides() == (2 * FACTOR, 2)
    assert [model.tile_overlap_factor for model in (pipeline.vqgan, pipeline.sketch_vqgan)] == [0.5, 0.5]
    pipeline.vqgan.enable_tiling(3 * FACTOR)
    pipeline.enable_vae_tiling()
    assert largest_sides() == (3 * FACTOR, 3)
    assert "one tile" not in caplog.text
    pipeline.enable_vae_tiling(max(FRAME_SIZE))
    assert f"is {max(FRAME_SIZE)}, so that one tile holds the whole of the 8x10 pixels" in caplog.text


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"tile_sample_min_size": 4}, ValueError, "`tile_sample_min_size` must be a positive multiple of 8"),
        ({"tile_sample_min_size": 8.0}, TypeError, "`tile_sample_min_size` must be of type int"),
        ({"tile_overlap_factor": 1.0}, ValueError, "`tile_overlap_factor` must be at least 0 and below 1"),
    ],
)
def test_tiles_that_one_of_both_codecs_cannot_have_change_nothing(given, error, message):
    pipeline = tiny_pipeline("S2I", sketch_vqgan=tiny_sketch_vqgan(block_out_channels=(8,) * 4))
    with pytest.raises(error, match=message):
        pipeline.enable_vae_tiling(**given)
    for model in (pipeline.vqgan, pipeline.sketch_vqgan):
        assert (model.use_tiling, model.tile_sample_min_size, model.tile_overlap_factor) == (False, 8, 0.25)


@pytest.mark.parametrize("switch", ["slicing", "tiling"])
@pytest.mark.parametrize("part", ["vqgan", "sketch_vqgan"])
def test_codecs_are_switched_together_or_not_at_all(switch, part):
    pipeline = tiny_pipeline("S2I", **{part: tiny_codecs("vqmodel")[part]})
    (other,) = [name for name in ("vqgan", "sketch_vqgan") if name != part]
    for verb in ("disable", "enable"):
        with pytest.raises(ValueError, match=rf"^`{part}` must be a codec with {switch}, .* got VQModel, which has"):
            getattr(pipeline, f"{verb}_vae_{switch}")()
    assert not getattr(getattr(pipeline, other), f"use_{switch}")


def test_from_pipe_and_back_keeps_what_the_pipeline_said_of_itself(pipelines):
    class Foreign(diffusers.DiffusionPipeline):
        def __init__(self, vqgan: nuwa_hf.NuwaVQGAN, transformer, tokenizer, strength: float = 0.5):
            super().__init__()
            self.register_modules(vqgan=vqgan, transformer=transformer, tokenizer=tokenizer)
            self.register_to_config(strength=strength)

    components = pipelines["T2V"].components
    components.pop("sketch_vqgan")
    foreign = Foreign(**components, strength=0.25)
    foreign.register_to_config(_name_or_path="user/model")
    ours = nuwa_hf.NuwaTextToVideoPipeline.from_pipe(foreign)
    assert ours.config["_name_or_path"] == "user/model"
    again = Foreign.from_pipe(nuwa_hf.NuwaTextToImagePipeline.from_pipe(ours, vqgan=tiny_vqgan()))
    assert again.config["strength"] == 0.25


OWN_PIPELINE = """
import nuwa_hf


class OwnPipeline(nuwa_hf.NuwaTextToVideoPipeline):
    def __init__(self, vqgan, transformer, tokenizer, sketch_vqgan=None, strength: float = 0.5):
        super().__init__(vqgan, transformer, tokenizer, sketch_vqgan)
        self.register_to_config(strength=strength)
"""


def test_from_pipe_to_a_pipeline_in_a_file_casts_nothing(tmp_path, monkeypatch):
    """It cast the components, which both pipelines share, to float32."""
    monkeypatch.setattr(dynamic_modules_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("sys.path", [*sys.path])  # to which diffusers adds this folder
    (tmp_path / "pipeline.py").write_text(OWN_PIPELINE)
    own = {"custom_pipeline": str(tmp_path), "trust_remote_code": True}
    pipeline = tiny_pipeline("T2I").to(torch.bfloat16)
    made = nuwa_hf.NuwaTextToVideoPipeline.from_pipe(pipeline, strength=0.25, **own)
    assert type(made).__name__ == "OwnPipeline"
    assert made.components == pipeline.components
    assert made.transformer.dtype == made.vqgan.dtype == torch.bfloat16
    back = nuwa_hf.NuwaTextToImagePipeline.from_pipe(made)
    assert nuwa_hf.NuwaTextToImagePipeline.from_pipe(back, **own).config["strength"] == 0.25
    assert nuwa_hf.NuwaTextToImagePipeline.from_pipe(back, dtype="float32", **own).vqgan.dtype == torch.float32
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        nuwa_hf.NuwaTextToVideoPipeline.from_pipe(pipeline, custom_pipeline=str(tmp_path))
