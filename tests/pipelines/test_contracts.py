# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every pipeline holds to: what diffusers checks of its own in its common pipeline tests, and our laws."""

import copy
import importlib
import inspect
import io
import itertools

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.callbacks import PipelineCallback
from tiny import (
    CAPTIONS,
    CODEBOOK_SIZE,
    FRAME_SIZE,
    VISUAL_GRID,
    seeded,
    tiny_batch,
    tiny_codecs,
    tiny_inputs,
    tiny_pipeline,
)

import nuwa_hf
from nuwa_hf.tasks import TASKS, get_task


COMPONENTS = {"vqgan", "transformer", "tokenizer", "sketch_vqgan"}
REQUIRED = {
    "T2I": [],
    "T2V": [],
    "S2I": ["sketch"],
    "S2V": ["sketch"],
    "I2I": ["image", "mask"],
    "V2V": ["video"],
    "TI2I": ["prompt", "image", "mask"],
    "TV2V": ["prompt", "video"],
}
COMMON = {
    "temperature": None,
    "top_k": None,
    "top_p": None,
    "min_p": None,
    "generator": None,
    "schedule": "wavefront",
    "height": None,
    "width": None,
    "output_type": "pil",
    "return_dict": True,
    "callback_on_step_end": None,
    "callback_on_step_end_tensor_inputs": ["tokens"],
}
OUTPUT_TYPES = ("pil", "np", "pt", "latent")
WITH_SKETCH = [task.abbreviation for task in TASKS if task.condition.endswith("sketch")]
WITH_TEXT = [task.abbreviation for task in TASKS if task.condition != "none"]
# The tasks differ in what they read, which has its own tests, and share every step after that: an image from a sketch
# and a video from a text and a known part go through all of them.
of_two_tasks = pytest.mark.parametrize("task", ["S2I", "TV2V"], indirect=True)


@pytest.fixture(scope="module", params=[task.abbreviation for task in TASKS])
def task(request):
    return request.param


@pytest.fixture(scope="module")
def pipeline(task):
    """A pipeline that no test changes."""
    return tiny_pipeline(task)


@pytest.fixture
def fresh_pipeline(task):
    return tiny_pipeline(task)


def call(pipeline, task, **arguments):
    return pipeline(**{"generator": seeded(0), "output_type": "pt", **tiny_inputs(task), **arguments})


def assert_same(output, expected):
    assert torch.equal(output.tokens, expected.tokens)
    assert torch.equal(output[0], expected[0])


def count_name(task):
    return f"num_{get_task(task).output}s_per_prompt"


def num_frames_of(task):
    return 1 if get_task(task).output == "image" else VISUAL_GRID[0]


def weights(pipeline):
    models = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    return {
        f"{name}.{key}": tensor
        for name, model in models.items()
        for key, tensor in itertools.chain(model.named_parameters(), model.named_buffers())
    }


def test_every_task_is_tested():
    assert set(REQUIRED) == {task.abbreviation for task in TASKS}


def test_call_takes_what_its_task_needs_and_what_all_tasks_share(task):
    row = get_task(task)
    cls = getattr(nuwa_hf, row.pipeline)
    parameters = dict(itertools.islice(inspect.signature(cls.__call__).parameters.items(), 1, None))
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    assert required == REQUIRED[task]
    assert list(parameters)[: len(required)] == required
    expected = {**COMMON, count_name(task): 1}
    if row.condition != "none":
        expected |= {"negative_prompt": None, "guidance_scale": None}
        expected |= {
            f"{kind}prompt_{what}": None for kind in ("", "negative_") for what in ("embeds", "attention_mask")
        }
    if row.condition.endswith("sketch") or (row.condition == "text" and row.known == "nothing"):
        expected |= {"prompt": None}
    if row.condition == "video sketch" or (row.output == "video" and row.known != "nothing"):
        expected |= {"frame_rate": None}
    if row.known == "part of the video":
        expected |= {"num_frames": None}
    if row.condition == "text":
        expected |= {"num_candidates": 1, "scorer": None}
    if row.known != "nothing":
        expected |= {"condition_on_known": True, "composite": True}
    if row.output == "video":
        expected |= {"overlap_frames": None}
    if task in ("T2V", "V2V"):
        expected |= {"num_frames": None}
    if task == "TV2V":
        expected |= {"mask": None}
    defaults = {name: parameter.default for name, parameter in parameters.items() if name not in required}
    assert defaults == expected


def test_constructor_takes_the_same_components_in_every_task(task):
    cls = getattr(nuwa_hf, get_task(task).pipeline)
    required, optional = cls._get_signature_keys(cls)
    assert set(required) | set(optional) == COMPONENTS
    assert cls._optional_components == ["sketch_vqgan"]
    assert set(cls.model_cpu_offload_seq.split("->")) == COMPONENTS - {"tokenizer"}
    assert cls._callback_tensor_inputs[0] == "tokens"


def test_components_are_the_four_that_the_pipeline_was_made_of(pipeline):
    assert set(pipeline.components) == COMPONENTS
    for name, component in pipeline.components.items():
        assert getattr(pipeline, name) is component
        assert component is not None
    assert {tensor.dtype for tensor in weights(pipeline).values() if tensor.is_floating_point()} == {torch.float32}
    assert not any(model.training for model in (pipeline.vqgan, pipeline.transformer, pipeline.sketch_vqgan))


@pytest.mark.parametrize(
    ("task", "codecs"),
    [
        *((task.abbreviation, "nearest") for task in TASKS),
        *itertools.product(("S2I", "TV2V"), ("fsq", "vqmodel")),
    ],
    indirect=["task"],
    scope="module",
)
def test_saved_and_loaded_pipeline_is_of_its_class_and_makes_the_same_bytes(task, codecs, tmp_path):
    pipeline = tiny_pipeline(task, **tiny_codecs(codecs))
    pipeline.save_pretrained(tmp_path)
    expected = call(pipeline, task)
    assert len(expected[0].unique()) > 50
    loaded = DiffusionPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert type(loaded) is type(pipeline)
    assert type(loaded.vqgan) is type(pipeline.vqgan)
    assert_same(call(loaded, task), expected)
    before, after = weights(pipeline), weights(loaded)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_optional_component_that_is_none_is_saved_and_loaded_as_none(task, tmp_path):
    pipeline = tiny_pipeline(task, sketch_vqgan=None)
    pipeline.save_pretrained(tmp_path)
    loaded = DiffusionPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert type(loaded) is type(pipeline)
    assert loaded.sketch_vqgan is None
    if task in WITH_SKETCH:
        with pytest.raises(ValueError, match="needs the component `sketch_vqgan`, which is None"):
            call(loaded, task)
    else:
        assert_same(call(loaded, task), call(tiny_pipeline(task), task))


def test_checkpoint_of_one_task_serves_every_other(checkpoint, pipeline, task):
    loaded = type(pipeline).from_pretrained(checkpoint)
    loaded.set_progress_bar_config(disable=True)
    assert_same(call(loaded, task), call(pipeline, task))


def test_from_pipe_shares_every_tensor_with_every_other_task_and_changes_none(pipeline, task):
    before = {name: (tensor.data_ptr(), tensor.dtype) for name, tensor in weights(pipeline).items()}
    expected = call(pipeline, task)
    following = TASKS[(TASKS.index(get_task(task)) + 1) % len(TASKS)]
    for other in TASKS:
        there = getattr(nuwa_hf, other.pipeline).from_pipe(pipeline)
        back = type(pipeline).from_pipe(there)
        for one in (there, back):
            assert {name: (tensor.data_ptr(), tensor.dtype) for name, tensor in weights(one).items()} == before
            assert one.tokenizer is pipeline.tokenizer
        if other is following:
            there.set_progress_bar_config(disable=True)
            call(there, other.abbreviation, output_type="latent")
    back.set_progress_bar_config(disable=True)
    assert_same(call(back, task), expected)


def test_from_pipe_keeps_bfloat16():
    pipeline = tiny_pipeline("TV2V").to(torch.bfloat16)
    other = nuwa_hf.NuwaTextToImagePipeline.from_pipe(pipeline)
    assert other.transformer.dtype == pipeline.vqgan.dtype == pipeline.sketch_vqgan.dtype == torch.bfloat16


@of_two_tasks
def test_pipeline_runs_in_bfloat16(fresh_pipeline, task):
    fresh_pipeline.to(torch.bfloat16)
    guidance = {"guidance_scale": 2.0} if task in WITH_TEXT else {}
    output = call(fresh_pipeline, task, **guidance)
    assert output[0].dtype == torch.float32
    assert output[0].isfinite().all()
    for model in (fresh_pipeline.transformer, fresh_pipeline.vqgan, fresh_pipeline.sketch_vqgan):
        assert model.dtype == torch.bfloat16


@of_two_tasks
def test_dtype_at_load_is_that_of_every_model(checkpoint, fresh_pipeline, task):
    loaded = type(fresh_pipeline).from_pretrained(checkpoint, dtype=torch.bfloat16)
    loaded.set_progress_bar_config(disable=True)
    assert_same(call(loaded, task), call(fresh_pipeline.to(torch.bfloat16), task))


@pytest.mark.parametrize("task", ["S2I", "V2V", "TV2V"], indirect=True)
def test_offload_hooks_run_and_change_nothing(fresh_pipeline, task):
    expected = call(fresh_pipeline, task)
    fresh_pipeline.enable_model_cpu_offload(device="cpu")
    started = []
    for name in ("sketch_vqgan", "transformer", "vqgan"):
        hook = getattr(fresh_pipeline, name)._hf_hook
        hook.pre_forward = lambda *args, name=name, run=hook.pre_forward, **kwargs: (
            started.append(name) or run(*args, **kwargs)
        )
    assert_same(call(fresh_pipeline, task), expected)
    codec_first = get_task(task).known != "nothing"
    order = [*(["sketch_vqgan"] if task in WITH_SKETCH else []), *(["vqgan"] if codec_first else []), "transformer"]
    assert [name for name, _ in itertools.groupby(started)] == [*order, "vqgan"]


@pytest.mark.gpu
def test_offloading_from_a_gpu_makes_the_same_tokens(fresh_pipeline, task):
    expected = call(fresh_pipeline.to("cuda"), task).tokens.cpu()
    fresh_pipeline.to("cpu")
    fresh_pipeline.enable_model_cpu_offload()
    assert torch.equal(call(fresh_pipeline, task).tokens.cpu(), expected)


@pytest.mark.gpu
def test_tokens_from_the_cpu_are_decoded_on_the_gpu():
    pipeline = tiny_pipeline()
    tokens = torch.randint(0, CODEBOOK_SIZE, (1, *VISUAL_GRID), generator=seeded(0)[0])
    expected = pipeline.decode_tokens(tokens)
    for move in (lambda: pipeline.to("cuda"), lambda: pipeline.to("cpu").enable_model_cpu_offload()):
        move()
        # Convolutions on a GPU round to TF32.
        torch.testing.assert_close(pipeline.decode_tokens(tokens).cpu(), expected, atol=1e-2, rtol=0)


def test_steps_outside_a_call_record_no_gradients():
    pipeline, encoded_with_gradients = tiny_pipeline(), []
    tokens = torch.randint(0, CODEBOOK_SIZE, (1, *VISUAL_GRID), generator=seeded(0)[0])
    pixels = pipeline.decode_tokens(tokens)
    assert not pixels.requires_grad
    assert np.array_equal(pipeline.decode_frames(tokens, "np"), pixels.movedim(2, -1).numpy())
    (frames,), (image,) = pipeline.decode_frames(tokens, "pil"), pipeline.decode_images(tokens[:, :1], "pil")
    assert [frame.size for frame in (*frames, image)] == [FRAME_SIZE] * (VISUAL_GRID[0] + 1)

    for codec in (pipeline.vqgan, pipeline.sketch_vqgan):
        codec.encoder.register_forward_hook(lambda *_: encoded_with_gradients.append(torch.is_grad_enabled()))
    masks = torch.zeros(1, *pixels.shape[1:2], *pixels.shape[3:], dtype=torch.bool)
    masks[..., :2] = True
    pipeline.encode_known_part(pixels, masks, 1)
    pipeline.encode_sketch(masks.long())
    assert encoded_with_gradients == [False, False]


def test_tuple_has_the_outputs_fields(pipeline, task):
    pictures, tokens = call(pipeline, task, return_dict=False)
    output = call(pipeline, task)
    assert torch.equal(output.images if get_task(task).output == "image" else output.frames, pictures)
    assert torch.equal(output.tokens, tokens)
    assert list(output) == [f"{'images' if get_task(task).output == 'image' else 'frames'}", "tokens"]


@of_two_tasks
def test_all_output_types_show_the_same(pipeline, task):
    outputs = {kind: call(pipeline, task, output_type=kind) for kind in OUTPUT_TYPES}
    is_image, num_frames, (width, height) = get_task(task).output == "image", num_frames_of(task), FRAME_SIZE
    tensor, array, pictures = outputs["pt"][0], outputs["np"][0], outputs["pil"][0]
    frames = () if is_image else (num_frames,)
    assert tensor.shape == (1, *frames, 3, height, width)
    assert tensor.dtype == torch.float32
    assert tensor.min() >= 0
    assert tensor.max() <= 1
    assert np.array_equal(array, tensor.movedim(-3, -1).numpy())
    flat = pictures if is_image else pictures[0]
    assert len(pictures) == 1
    assert len(flat) == (1 if is_image else num_frames)
    assert all(isinstance(picture, PIL.Image.Image) for picture in flat)
    stacked = np.stack([np.asarray(picture) for picture in flat])
    assert np.array_equal(stacked, (array.reshape(-1, height, width, 3) * 255).round().astype(np.uint8))
    for output in outputs.values():
        assert output.tokens.shape == (1, num_frames, *VISUAL_GRID[1:])
        assert output.tokens.dtype == torch.long
        assert 0 <= output.tokens.min() <= output.tokens.max() < CODEBOOK_SIZE
        assert torch.equal(outputs["latent"][0], output.tokens)


@of_two_tasks
def test_same_seed_makes_the_same_bytes_and_another_seed_others(pipeline, task):
    first, again, other = (call(pipeline, task, generator=seeded(seed), output_type="np") for seed in (3, 3, 4))
    assert first[0].tobytes() == again[0].tobytes()
    assert not torch.equal(first.tokens, other.tokens)
    single = call(pipeline, task, generator=seeded(3)[0], output_type="np")
    assert first[0].tobytes() == single[0].tobytes()


@of_two_tasks
def test_without_a_generator_the_global_seed_decides(pipeline, task):
    outputs = []
    for _ in range(2):
        torch.manual_seed(5)
        outputs.append(call(pipeline, task, generator=None))
    assert_same(*outputs)


@pytest.mark.parametrize(
    ("task", "settings"),
    [*((task.abbreviation, "of each row") for task in TASKS), ("S2I", "the same"), ("TV2V", "the same")],
    indirect=["task"],
    scope="module",
)
def test_batch_is_its_items_one_by_one(fresh_pipeline, task, settings):
    fresh_pipeline.to(torch.float64)  # in float32 sums of another batch size round otherwise
    seeds = (5, 6, 7)
    rows = {"temperature": [0.7, 0, 1.2], "top_k": [9, None, 0], "top_p": [None, 1.0, 0.8], "min_p": [0.0, None, 0.01]}
    rows = rows if settings == "of each row" else {}
    if task in WITH_TEXT:
        rows["guidance_scale"] = [3.0, None, 1.5] if rows else [3.0] * 3
    together = fresh_pipeline(**tiny_batch(task, seeds), generator=seeded(*seeds), output_type="pt", **rows)
    for place, seed in enumerate(seeds):
        own = {name: values[place] for name, values in rows.items()}
        alone = fresh_pipeline(**tiny_inputs(task, seed), generator=seeded(seed), output_type="pt", **own)
        assert torch.equal(alone.tokens[0], together.tokens[place])
        torch.testing.assert_close(alone[0][0], together[0][place])
    with pytest.raises(ValueError, match=r"`temperature` must be one number.* each of the 3 outputs"):
        fresh_pipeline(**tiny_batch(task, seeds), temperature=[1.0, 1.0])


@of_two_tasks
def test_outputs_of_one_input_follow_each_other(fresh_pipeline, task):
    fresh_pipeline.to(torch.float64)
    pair = tiny_batch(task, (5, 6))
    repeated = {name: [one for one in values for _ in range(2)] for name, values in pair.items()}
    generators = (1, 2, 3, 4)
    output = fresh_pipeline(**pair, generator=seeded(*generators), output_type="pt", **{count_name(task): 2})
    assert_same(output, fresh_pipeline(**repeated, generator=seeded(*generators), output_type="pt"))
    assert len(output[0]) == 4
    assert not torch.equal(output.tokens[0], output.tokens[1])


@of_two_tasks
def test_schedules_give_the_same_output(fresh_pipeline, task):
    fresh_pipeline.to(torch.float64)
    wavefront = call(fresh_pipeline, task)
    num_waves = fresh_pipeline.num_timesteps
    assert_same(call(fresh_pipeline, task, schedule="raster"), wavefront)
    assert num_waves < fresh_pipeline.num_timesteps == num_frames_of(task) * np.prod(VISUAL_GRID[1:])


@of_two_tasks
def test_callback_sees_every_wave_and_its_tokens(pipeline, task):
    seen = []

    def callback(pipe, step, timestep, callback_kwargs):
        assert pipe is pipeline
        assert step == timestep
        seen.append((step, callback_kwargs["tokens"].clone()))

    tokens = call(pipeline, task, callback_on_step_end=callback).tokens
    assert [step for step, _ in seen] == list(range(pipeline.num_timesteps))
    assert torch.equal(seen[-1][1], tokens)
    for (_, before), (_, after) in itertools.pairwise(seen):
        assert torch.equal(before[before != 0], after[before != 0])  # a token that is there stays


@of_two_tasks
def test_callback_may_ask_for_nothing(pipeline, task):
    asked = []
    call(
        pipeline,
        task,
        callback_on_step_end=lambda *arguments: asked.append(arguments[3]),
        callback_on_step_end_tensor_inputs=[],
    )
    assert asked == [{}] * pipeline.num_timesteps


@of_two_tasks
def test_tokens_that_a_callback_returns_are_used(pipeline, task):
    def callback(pipe, step, timestep, callback_kwargs):
        return {"tokens": torch.full_like(callback_kwargs["tokens"], 7)}

    assert (call(pipeline, task, callback_on_step_end=callback).tokens == 7).all()


@of_two_tasks
def test_tokens_that_a_callback_returns_must_be_in_the_codebook(pipeline, task):
    def callback(pipe, step, timestep, callback_kwargs):
        pipe.interrupt = True
        return {"tokens": torch.full_like(callback_kwargs["tokens"], CODEBOOK_SIZE)}

    with pytest.raises(ValueError, match=r"`tokens` must lie in \[0, 32\) .*got 32 to 32"):
        call(pipeline, task, callback_on_step_end=callback)


def test_what_a_callback_returns_is_a_dict_of_what_it_may_replace():
    pipeline = tiny_pipeline("T2I")
    with pytest.raises(TypeError, match=r"`callback_on_step_end` must return a dict .*got Tensor"):
        call(pipeline, "T2I", callback_on_step_end=lambda *arguments: arguments[3]["tokens"])
    with pytest.raises(ValueError, match="must return tensors among 'tokens', got 'latents'"):
        call(pipeline, "T2I", callback_on_step_end=lambda *arguments: {"latents": arguments[3]["tokens"]})


@of_two_tasks
def test_tokens_that_a_callback_changes_are_seen_by_later_waves(pipeline, task):
    def callback(pipe, step, timestep, callback_kwargs):
        return {"tokens": (callback_kwargs["tokens"] + 5) % CODEBOOK_SIZE} if step == 0 else {}

    changed, plain = (
        call(pipeline, task, callback_on_step_end=end, temperature=0.2).tokens for end in (callback, None)
    )
    assert not torch.equal(changed.flatten()[1:], plain.flatten()[1:])  # the first wave is the first place


@of_two_tasks
def test_pipeline_callback_objects_are_accepted(pipeline, task):
    class Count(PipelineCallback):
        tensor_inputs = ["tokens"]  # noqa: RUF012
        steps = 0

        def callback_fn(self, pipe, step_index, timesteps, callback_kwargs):
            self.steps += 1
            return callback_kwargs

    count = Count()
    call(pipeline, task, callback_on_step_end=count)
    assert count.steps == pipeline.num_timesteps


@of_two_tasks
def test_interrupt_stops_after_the_wave_and_still_gives_pictures(pipeline, task):
    steps = []

    def callback(pipe, step, timestep, callback_kwargs):
        steps.append(step)
        pipe.interrupt = step == 2

    output = call(pipeline, task, callback_on_step_end=callback)
    assert steps == [0, 1, 2]
    assert pipeline.interrupt
    assert output[0].isfinite().all()
    assert call(pipeline, task).tokens.shape == output.tokens.shape
    assert len(steps) == 3
    assert not pipeline.interrupt


@of_two_tasks
def test_progress_bar_counts_the_waves(fresh_pipeline, task):
    shown = io.StringIO()
    fresh_pipeline.set_progress_bar_config(file=shown)
    call(fresh_pipeline, task)
    waves = fresh_pipeline.num_timesteps
    assert waves == fresh_pipeline.transformer.num_generation_steps((num_frames_of(task), *VISUAL_GRID[1:]))
    assert f"0/{waves} " in shown.getvalue()
    assert f"{waves}/{waves} " in shown.getvalue()


@pytest.mark.parametrize("task", ["T2V", "S2I", "TV2V"], indirect=True)
def test_prompt_is_encoded_without_codecs(pipeline, task):
    bare = type(pipeline)(vqgan=None, transformer=pipeline.transformer, tokenizer=pipeline.tokenizer)
    alone, among_others = (one.text_conditions([CAPTIONS[0]], batch_size=2) for one in (bare, pipeline))
    assert list(alone) == ["input_ids", "attention_mask"]
    assert all(torch.equal(alone[name], among_others[name]) for name in alone)
    if task == "T2V":
        grid = (num_frames_of(task), *VISUAL_GRID[1:])
        expected = call(pipeline, task, **{count_name(task): 2, "generator": seeded(0, 1)}).tokens
        assert torch.equal(bare.transformer.generate(**alone, grid=grid, generator=seeded(0, 1)).tokens, expected)


@of_two_tasks
def test_guidance_leads_away_from_the_negative_prompt(pipeline, task):
    """Once the scale was resolved but not remembered, and every negative prompt was dropped."""
    inputs = {"prompt": CAPTIONS[0]}
    plain = call(pipeline, task, **inputs).tokens
    assert not pipeline.do_classifier_free_guidance
    guided = call(pipeline, task, **inputs, guidance_scale=6.0).tokens
    assert pipeline.do_classifier_free_guidance
    assert pipeline.guidance_scale == 6.0
    negative = call(pipeline, task, **inputs, guidance_scale=6.0, negative_prompt=CAPTIONS[1]).tokens
    assert not torch.equal(plain, guided)
    assert not torch.equal(guided, negative)


@of_two_tasks
def test_likeliest_tokens_do_not_depend_on_the_seed(pipeline, task):
    assert_same(*(call(pipeline, task, top_k=1, generator=seeded(seed)) for seed in (0, 1)))


@pytest.mark.parametrize("task", ["S2I", "V2V", "TV2V"], indirect=True)
def test_settings_left_open_are_those_of_the_generation_config(fresh_pipeline, task):
    settings = {"temperature": 0.3, "top_k": 9, "top_p": 0.8, "min_p": 0.05}
    given = call(fresh_pipeline, task, **settings)
    assert not torch.equal(given.tokens, call(fresh_pipeline, task).tokens)
    for name, value in settings.items():
        setattr(fresh_pipeline.transformer.generation_config, name, value)
    assert_same(call(fresh_pipeline, task), given)


@pytest.mark.parametrize("task", ["S2I", "T2V", "TV2V"], indirect=True)
def test_output_settings_of_the_generation_config_are_those_of_generate_alone(fresh_pipeline, task):
    """Every call failed, with some of them after all tokens were drawn."""
    candidates = {"num_candidates": 2} if task in ("T2I", "T2V", "TI2I", "TV2V") else {}
    expected = [call(fresh_pipeline, task), call(fresh_pipeline, task, **candidates)]
    outputs = {"num_return_sequences": 2, "return_dict_in_generate": False, "output_scores": True, "do_sample": True}
    fresh_pipeline.transformer.generation_config.update(**outputs)
    assert_same(call(fresh_pipeline, task), expected[0])
    assert_same(call(fresh_pipeline, task, **candidates), expected[1])
    if task == "T2V":
        frames = fresh_pipeline.stream(**tiny_inputs(task), generator=seeded(0), output_type="latent")
        frames = list(itertools.islice(frames, VISUAL_GRID[0]))
        assert torch.equal(torch.stack(frames, 1), expected[0].tokens)


def test_tasks_without_a_text_have_a_temperature_of_their_own(fresh_pipeline, task):
    cooler = call(fresh_pipeline, task, temperature=0.2)
    before = call(fresh_pipeline, task)
    fresh_pipeline.transformer.generation_config.unguided_temperature = 0.2
    assert_same(call(fresh_pipeline, task), cooler if task in ("I2I", "V2V") else before)


def test_inputs_are_left_as_they_were(pipeline, task):
    inputs = tiny_inputs(task)
    before = copy.deepcopy(inputs)
    pipeline(**inputs, generator=seeded(0))
    assert all(np.array_equal(inputs[name], before[name]) for name in inputs)


def test_example_of_the_docstring_runs(pipeline, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nuwa_hf, "DEMO_CHECKPOINT", checkpoint)
    example = importlib.import_module(type(pipeline).__module__).EXAMPLE_DOC_STRING
    lines = [line.split(">>> ", 1)[1] for line in example.splitlines() if ">>> " in line]
    exec("\n".join(lines), {})
    assert example.strip() in type(pipeline).__call__.__doc__
