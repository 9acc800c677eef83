# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a run looks at clips that it does not learn from, as it goes on: validation loss and sample sheets."""

import logging

import PIL.Image

from nuwa_hf.pipelines import NuwaPipelineBase, NuwaTextToVideoPipeline
from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.nuwa_steps import validate
from nuwa_hf.training.nuwa.nuwa_training import NuwaTraining
from nuwa_hf.training.nuwa.sample_sheets import draw_prompts, draw_task_sheets, write_sheets
from nuwa_hf.training.run.run_summary import in_one_line
from nuwa_hf.training.run.trackers import log_pictures
from nuwa_hf.training.run.whole_learner import transformer_of, whole_learner


logger = logging.getLogger(__name__)


def look_at_held_out(training: NuwaTraining) -> None:
    """Computes the validation loss and draws sample sheets with the averaged weights. The state of the run does not
    change.

    Args:
        training (`NuwaTraining`): the model and the held-out clips.
    """
    state = training.state
    arguments, accelerator = state.arguments, state.accelerator
    with training.ema.in_place():
        state.check_weights()
        if training.validation is not None:
            training.scores = validate(training.learner, accelerator, training.validation, training.batches)
            state.log(training.scores)
            is_one_task = len(training.batches.counts) == 1
            said = {"validation_loss": training.scores["validation_loss"]} if is_one_task else training.scores
            logger.info("Step %d: %s", state.step, in_one_line(said))
        if arguments.sample_sheets or arguments.validation_prompts:
            transformer = transformer_of(whole_learner(training.learner))
            if accelerator.is_main_process:
                pipeline = NuwaTextToVideoPipeline(**{**training.pipeline.components, "transformer": transformer})
                sheets = draw_sheets(training, pipeline)
                write_sheets(sheets, state.samples_dir, state.step)
                log_pictures(accelerator, sheets, state.step)


def draw_sheets(training: NuwaTraining, pipeline: NuwaPipelineBase) -> dict[str, PIL.Image.Image]:
    """A sheet for each task, and one of the validation prompts: videos, or images if the run learns no videos.

    Args:
        training (`NuwaTraining`): the held-out clips and the arguments.
        pipeline (`NuwaPipelineBase`): draws.

    Returns:
        `dict[str, PIL.Image.Image]`: task, and `"prompts"`, to the sheet.
    """
    arguments, tasks, sheets = training.state.arguments, training.batches.counts, {}
    if arguments.sample_sheets:
        sheets = draw_task_sheets(pipeline, training.held_out, tasks, seed=arguments.seed)
    if arguments.validation_prompts:
        has_videos = any(get_task(task).output == "video" for task in tasks)
        num_frames = pipeline.max_frames if has_videos else 1
        sheets["prompts"] = draw_prompts(pipeline, arguments.validation_prompts, num_frames, arguments.seed)
    return sheets
