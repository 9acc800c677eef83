# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What connects a pipeline's class to its task: the row of the table, and the arguments that tasks have in common."""

from collections.abc import Callable
from typing import TypeVar

from nuwa_hf.argument_docs import share_arguments
from nuwa_hf.tasks import Task, get_task


PipelineClass = TypeVar("PipelineClass", bound=type)

ARGUMENTS = """
    vqgan (`ModelMixin`): turns pixels into visual tokens and back: a `NuwaVQGAN`, or another codec, such as diffusers'
        `VQModel` as it is.
    transformer (`NuwaForConditionalGeneration`): samples visual tokens for a condition.
    tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): turns text into tokens; CLIP's if CLIP reads the texts.
    sketch_vqgan (`ModelMixin`, *optional*): turns class maps into sketch tokens; this task $sketch_vqgan.
    prompt (`str` or `list[str]`): what to show. The ${output}s of one prompt follow each other in the output.
    negative_prompt (`str` or `list[str]`, *optional*): what guidance steers away from, one text for all inputs or one
        for each; by default the constant "None" condition. It has an effect only with `guidance_scale` > 1.
    prompt_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): encoded texts in place of `prompt`, as
        [`~NuwaPipelineBase.encode_prompt`] returns them.
    negative_prompt_embeds (`torch.Tensor` of shape `(B, L', D)`, *optional*): likewise, in place of `negative_prompt`.
    prompt_attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): 1 at tokens of `prompt_embeds`, 0 at padding;
        by default all are tokens.
    negative_prompt_attention_mask (`torch.Tensor` of shape `(B, L')`, *optional*): likewise, of
        `negative_prompt_embeds`.
    height (`int`, *optional*): rows of the ${output}'s pixels. A checkpoint draws only the size that it learnt, so
        another one is refused.
    width (`int`, *optional*): columns, likewise.
    guidance_scale (`float` or `list[float]`, *optional*): the strength of classifier-free guidance, at least 1; 1
        turns it off, which is faster. By default the one in `transformer.generation_config`. This and the next four
        may be lists, one for each $output.
    temperature (`float` or `list[float]`, *optional*): divides the logits: below 1 gives safer samples, above 1 more
        varied ones. By default the $temperature in `transformer.generation_config`.
    top_k (`int` or `list[int]`, *optional*): sample only from this many of the most likely tokens; by default as in
        `transformer.generation_config`.
    top_p (`float` or `list[float]`, *optional*): sample only from the most likely tokens that together have this
        probability; by default as in `transformer.generation_config`.
    min_p (`float` or `list[float]`, *optional*): sample only from the tokens that are at least this much as likely as
        the likeliest; by default as in `transformer.generation_config`.
    condition_on_known (`bool`, *optional*, defaults to `True`): whether the $known is a condition too, so that every
        place sees all of it; `False` is the paper's way, where a place sees only what comes before it in raster order.
    composite (`bool`, *optional*, defaults to `True`): whether the pixels that are kept come back bit for bit;
        `False` returns all pixels as the codec decodes them.
    num_candidates (`int`, *optional*, defaults to 1): draw this many candidates for each output and keep the best. The
        memory does not grow with it.
    scorer (`Callable`, *optional*): judges candidates, such as [`ClipScorer`]. For each candidate of the B outputs
        `scorer(frames, prompts)` returns B numbers, the higher the better, where `frames` has shape
        `(B, T, 3, Y, X)` and is in [0, 1]. By default the model's own likelihood ratio of the text to "None" judges.
    frame_rate (`float`, *optional*): frames a second of the $moving as it is given, which is sampled to the
        checkpoint's rate, `transformer.config.frame_rate`; by default a file has times of its own, and all else is at
        the checkpoint's rate.
    overlap_frames (`int`, *optional*): a video with more frames than the checkpoint has positions for is sampled in
        chunks, and each chunk sees this many frames of the one before; by default half a chunk.
    generator (`torch.Generator` or `list[torch.Generator]`, *optional*): makes the call repeatable. With a list, one
        for each $output, every $output is the one that its generator gives on its own.
    schedule (`str`, *optional*, defaults to `"wavefront"`): `"wavefront"` samples all tokens of a wave in one step;
        `"raster"` samples one token per step, which gives the same $output, slowly.
    output_type (`str`, *optional*, defaults to `"pil"`): `"pil"`, `"np"`, `"pt"`, or `"latent"` for the tokens.
    return_dict (`bool`, *optional*, defaults to `True`): whether to return a [`$output_class`] or a plain tuple.
    callback_on_step_end (`Callable`, *optional*): called after every wave as
        `callback(pipeline, step, timestep, callback_kwargs)`, where `timestep` equals `step`. It may stop the call by
        `pipeline.interrupt = True`, and may return tensors in place of those that it was given, for later waves.
    callback_on_step_end_tensor_inputs (`list[str]`, *optional*, defaults to `["tokens"]`): the tensors that
        `callback_kwargs` holds. `tokens`, those so far, have shape `(B, T, H, W)`, with the candidates and frames that
        are sampled together.$callback_texts
"""


# Of tasks that read a text.
CALLBACK_TEXTS = """ The others are `prompt_embeds`, `negative_prompt_embeds`,
    `prompt_attention_mask` and `negative_prompt_attention_mask`, a text for each output; without guidance the negative
    ones are None."""


def for_task(abbreviation: str) -> Callable[[PipelineClass], PipelineClass]:
    """A decorator that makes a class the pipeline of a task.

    The class gets the task's row of the table as `task`. Its docstring and those of its own methods get the
    descriptions of the arguments that several tasks have.

    Args:
        abbreviation (`str`): the paper's short name, such as `"T2V"`.

    Returns:
        `Callable`: decorates the class.

    Raises:
        ValueError: If there is no such task; on use, if an argument has no description.
    """
    task = get_task(abbreviation)
    complete = share_arguments(ARGUMENTS, **_words(task))

    def connect(cls: PipelineClass) -> PipelineClass:
        cls.task = task
        for documented in (cls, *(method for method in vars(cls).values() if callable(method))):
            complete(documented)
        return cls

    return connect


def _words(task: Task) -> dict[str, str]:
    """What the shared descriptions say differently from task to task."""
    return {
        "output": task.output,
        "output_class": f"Nuwa{task.output.capitalize()}PipelineOutput",
        "known": {"first frames": "beginning of the video"}.get(task.known, f"known {task.known}"),
        "moving": "sketch" if task.condition.endswith("sketch") else "video",
        "sketch_vqgan": "needs it" if task.condition.endswith("sketch") else "does not use it",
        "callback_texts": "" if task.condition == "none" else CALLBACK_TEXTS,
        "temperature": "`unguided_temperature`, if there is one," if task.condition == "none" else "one",
    }
