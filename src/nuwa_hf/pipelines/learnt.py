# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a transformer has not learnt: to read known parts, another codec's tokens, or a task.

Of the last two there are warnings, once a transformer, and no errors, since neither is certain to be wrong: a codec
that learnt on may have moved its codes only a little, and a task may come out well without having been learnt. A
transformer whose configuration does not say what it learnt is accepted.
"""

import logging
from weakref import WeakKeyDictionary

from diffusers import ModelMixin

from nuwa_hf.modeling.codec.digest import codec_digest, is_same_codec
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.tasks import TASKS, Task


logger = logging.getLogger(__name__)

_SAID: WeakKeyDictionary[NuwaForConditionalGeneration, set[str]] = WeakKeyDictionary()


def reads_known_parts(transformer: NuwaForConditionalGeneration) -> bool:
    """Whether a known part can be a condition of a transformer: without a task that has one, its weights never learnt.

    Args:
        transformer (`NuwaForConditionalGeneration`): whose configuration has `learnt_tasks`.

    Returns:
        `bool`: True where nothing can be said.
    """
    learnt = transformer.config.learnt_tasks
    return learnt is None or any(task.abbreviation in learnt for task in TASKS if task.known != "nothing")


def is_other_codec(name: str, codec: ModelMixin, transformer: NuwaForConditionalGeneration) -> bool:
    """Whether a codec is not the one whose tokens a transformer learnt, however many codes it has.

    Args:
        name (`str`): the component, `"vqgan"` or `"sketch_vqgan"`.
        codec (`ModelMixin`): the codec.
        transformer (`NuwaForConditionalGeneration`): whose configuration has a `vqgan_digest` or
            `sketch_vqgan_digest`.

    Returns:
        `bool`: False where nothing can be said.
    """
    learnt = getattr(transformer.config, f"{name}_digest")
    digest = None if learnt is None else codec_digest(codec)
    return digest is not None and not is_same_codec(learnt, digest)


def warn_of_other_codec(name: str, codec: ModelMixin, transformer: NuwaForConditionalGeneration) -> None:
    """Warn if a codec is not the one whose tokens a transformer learnt.

    Args:
        name (`str`): as for `is_other_codec`.
        codec (`ModelMixin`): likewise.
        transformer (`NuwaForConditionalGeneration`): likewise.
    """
    if is_other_codec(name, codec, transformer):
        text = (
            f"`{name}` is not the codec whose tokens `transformer` learnt: their digests differ, so a token may mean "
            "something else. Load both from one checkpoint, or train the transformer on this codec's tokens."
        )
        _warn_once(transformer, text)


def is_unlearnt(task: Task, transformer: NuwaForConditionalGeneration) -> bool:
    """Whether a transformer never learnt a task.

    Args:
        task (`Task`): what it is used for.
        transformer (`NuwaForConditionalGeneration`): whose configuration has `learnt_tasks`.

    Returns:
        `bool`: False where nothing can be said.
    """
    learnt = transformer.config.learnt_tasks
    return learnt is not None and task.abbreviation not in learnt


def warn_of_unlearnt_task(task: Task, transformer: NuwaForConditionalGeneration) -> None:
    """Warn if a transformer never learnt a task.

    Args:
        task (`Task`): as for `is_unlearnt`.
        transformer (`NuwaForConditionalGeneration`): likewise.
    """
    if is_unlearnt(task, transformer):
        learnt = transformer.config.learnt_tasks
        others = f", but {', '.join(learnt)}" if learnt else ""
        text = (
            f"`transformer` never learnt {task.abbreviation} ({task.name}){others}; results may be poor. Use "
            f"another checkpoint, or train this one with {task.abbreviation} among the `tasks`."
        )
        _warn_once(transformer, text)


def _warn_once(transformer: NuwaForConditionalGeneration, text: str) -> None:
    said = _SAID.setdefault(transformer, set())
    if text not in said:
        said.add(text)
        logger.warning("%s", text)
