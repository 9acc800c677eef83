# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Contact sheets with one sample of each task: the clip as its codec gives it, what was given, and the result; and a
sheet of what is drawn for prompts of the user's.

Legend: T frames, Y, X pixel rows and columns, H, W token rows and columns.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image
import torch
from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.datasets.class_map import palette
from nuwa_hf.media import contact_sheet, enlarge, write_png
from nuwa_hf.media.whole_files import remove_left_aside
from nuwa_hf.modeling.class_maps import pixels_to_class_maps
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.sampling_arguments import ONLY_TOKENS
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.task_batches import TaskBatch, TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.token_mixture import TokenMixture


SHEET_HEIGHT = 192  # frames are enlarged by a whole factor, to at most this many pixels
UNKNOWN = 0.5  # grey
FIRST_SAMPLE = [0]  # always the same clip, so that sheets of different steps compare


@torch.no_grad()
def draw_task_sheets(
    pipeline: NuwaPipelineBase, tokens: TokenFiles | TokenMixture, tasks: Iterable[str], seed: int
) -> dict[str, PIL.Image.Image]:
    """Samples each task once. It uses random generators of its own, so the run's random states do not change.

    Args:
        pipeline (`NuwaPipelineBase`): its transformer is in evaluation mode during the call; its codecs are moved to
            the transformer's device and stay there.
        tokens (`TokenFiles` or `TokenMixture`): the clips; one is used.
        tasks (`Iterable[str]`): short names of the tasks.
        seed (`int`): of the samples.

    Returns:
        `dict[str, PIL.Image.Image]`: task to its sheet.
    """
    sheets = {}
    with _ready_to_draw(pipeline):
        for task in tasks:
            sheets[task] = _task_sheet(pipeline, tokens, task, seed)
    return sheets


@torch.no_grad()
def draw_prompts(pipeline: NuwaPipelineBase, prompts: list[str], num_frames: int, seed: int) -> PIL.Image.Image:
    """Draws each prompt once, with the checkpoint's sampling settings; equal seeds draw equal sheets.

    Args:
        pipeline (`NuwaPipelineBase`): its transformer is in evaluation mode during the call; its codecs are moved to
            the transformer's device and stay there.
        prompts (`list[str]`): the texts.
        num_frames (`int`): frames of each video, 1 for images.
        seed (`int`): of the first prompt; each further one adds 1.

    Returns:
        `PIL.Image.Image`: a row for each prompt, under its text.
    """
    generators = [torch.Generator().manual_seed(seed + place) for place in range(len(prompts))]
    _, height, width = pipeline.transformer.config.visual_grid
    with _ready_to_draw(pipeline):
        tokens = pipeline.transformer.generate(
            **pipeline.text_conditions(prompts, batch_size=len(prompts)),
            grid=(num_frames, height, width),
            generator=generators,
            **vars(pipeline.choose_sampling()),
            **ONLY_TOKENS,
        ).tokens
        rows = [clip for one in tokens.split(1) for clip in pipeline.decode_frames(one, "pil")]
    factor = max(1, SHEET_HEIGHT // rows[0][0].height)
    return contact_sheet([enlarge(frames, factor) for frames in rows], prompts)


def write_sheets(sheets: dict[str, PIL.Image.Image], folder: Path, step: int) -> list[Path]:
    """Writes sheets as `step-000500-T2V.png`.

    Args:
        sheets (`dict[str, PIL.Image.Image]`): task, or another name, to its sheet.
        folder (`Path`): the folder; created if needed.
        step (`int`): the step that they show.

    Returns:
        `list[Path]`: the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_left_aside(folder)
    paths = [folder / f"step-{step:06d}-{name}.png" for name in sheets]
    for path, sheet in zip(paths, sheets.values(), strict=True):
        write_png(sheet, path)
    return paths


@contextmanager
def _ready_to_draw(pipeline: NuwaPipelineBase) -> Iterator[None]:
    """The transformer in evaluation mode for a while, and the codecs on its device, where they stay."""
    model = pipeline.transformer
    was_training = model.training
    model.eval()
    for component in (pipeline.vqgan, pipeline.sketch_vqgan):
        if component is not None:
            component.to(model.device).eval()
    try:
        yield
    finally:
        model.train(was_training)


def _task_sheet(
    pipeline: NuwaPipelineBase, tokens: TokenFiles | TokenMixture, task: str, seed: int
) -> PIL.Image.Image:
    model = pipeline.transformer
    batch = TaskBatches(tokens, model.config, {task: 1}, 0.0, seed=0)(FIRST_SAMPLE)[task].to(model.device)
    rows = {"codec": pipeline.decode_frames(batch.visual_tokens, "pil")[0], **_given(pipeline, batch)}
    drawn = _sample(pipeline, task, batch, torch.Generator().manual_seed(seed))
    rows["result"] = pipeline.decode_frames(drawn, "pil")[0]
    factor = max(1, SHEET_HEIGHT // rows["codec"][0].height)
    text = pipeline.tokenizer.decode(batch.input_ids[0].tolist(), skip_special_tokens=True)
    titles = [f"{name}: {text}" if name == "codec" and text else name for name in rows]
    return contact_sheet([enlarge(frames, factor) for frames in rows.values()], titles)


def _sample(pipeline: NuwaPipelineBase, task: str, batch: TaskBatch, generator: torch.Generator) -> torch.Tensor:
    """Tokens `(1, T, H, W)`, sampled as the task's pipeline does, with the checkpoint's settings."""
    is_unguided = get_task(task).condition == "none"
    sampling = pipeline.choose_unguided_sampling() if is_unguided else pipeline.choose_sampling()
    known = {} if batch.known_mask is None else {"known_tokens": batch.visual_tokens, "known_mask": batch.known_mask}
    return pipeline.transformer.generate(
        batch.input_ids,
        batch.attention_mask,
        grid=tuple(batch.visual_tokens.shape[1:]),
        generator=generator,
        sketch_tokens=batch.sketch_tokens,
        **known,
        **vars(sampling),
        **ONLY_TOKENS,
    ).tokens


def _given(pipeline: NuwaPipelineBase, batch: TaskBatch) -> dict[str, list[PIL.Image.Image]]:
    """The row that shows what was given: the sketch in colours, or the known part with the rest in grey."""
    rows = {}
    if batch.sketch_tokens is not None:
        codec, (height, width) = pipeline.sketch_codec, pipeline.sketch_size
        class_maps_TYX = few_at_once(
            lambda tokens: pixels_to_class_maps(codec.decode(tokens).sample),
            batch.sketch_tokens[0],
            height=height,
            width=width,
        )
        colors = palette[class_maps_TYX.cpu().numpy() % len(palette)]  # other sketches may have more classes
        rows["sketch"] = [PIL.Image.fromarray(frame) for frame in colors]
    if batch.known_mask is not None:
        factor = pipeline.codec.spatial_factor
        pixels_TCYX = pipeline.decode_tokens(batch.visual_tokens)[0]
        known_TYX = batch.known_mask[0].repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)
        shown = pixels_TCYX.masked_fill(~known_TYX[:, None], UNKNOWN).permute(0, 2, 3, 1).cpu().numpy()
        rows["known"] = VaeImageProcessor.numpy_to_pil(shown)
    return rows
