# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The lines of a file of prompts, checked: one JSON object each, a call of a task's pipeline for one image or video.

All lines are checked, and the files that they name are read, before anything is made.
"""

import difflib
import inspect
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa_hf.argument_hints import OTHER_NAMES
from nuwa_hf.argument_types import shown
from nuwa_hf.bulk.digests import settings_digest
from nuwa_hf.bulk.prompt_lines import PromptLines
from nuwa_hf.bulk.shared_work import batches_of
from nuwa_hf.pipelines import NuwaPipelineBase, argument_names
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.serving.joined_calls import kind_of
from nuwa_hf.storage.file_digest import digest_of_file
from nuwa_hf.storage.local_checkpoint import repeated_name
from nuwa_hf.tasks import Task, find_task


FILES = ("image", "video", "sketch", "mask")
# Arguments of a call that a line cannot give: what it returns, what Python alone can say, and how many it makes.
NOT_IN_A_LINE = {
    *("self", "generator", "schedule", "output_type", "return_dict", "scorer"),
    *("callback_on_step_end", "callback_on_step_end_tensor_inputs", "num_images_per_prompt", "num_videos_per_prompt"),
    *("prompt_embeds", "negative_prompt_embeds", "prompt_attention_mask", "negative_prompt_attention_mask"),
    *("height", "width"),
}
URLS = ("http://", "https://")
SETTINGS = ("guidance_scale", "temperature", "top_k", "top_p", "min_p")


@dataclass(frozen=True)
class PromptRow:
    """A line that has been checked.

    Args:
        line (`int`): its number in the file, from 1.
        task (`Task`): the task.
        arguments (`dict[str, Any]`): of the task's pipeline, without the generator.
        seed (`int`): of its generator.
        kind (`Hashable`): equal for rows that can be sampled together.
        metadata (`dict[str, Any]`): what `metadata.jsonl` says of it, with the settings it is sampled with.
        digest (`str`): of the line and the files that it names.
    """

    line: int
    task: Task
    arguments: dict[str, Any]
    seed: int
    kind: Hashable
    metadata: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class PromptRows:
    """The lines of a file, as the inputs of a `RunFolder`.

    Args:
        rows (`tuple[PromptRow, ...]`): in their order.
    """

    rows: tuple[PromptRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def output(self) -> str:
        """What all of them make, `"image"` or `"video"`."""
        return self.rows[0].task.output

    def digest_of(self, count: int) -> str:
        """A digest of the first rows, the same however many more there are.

        Args:
            count (`int`): how many.

        Returns:
            `str`: hexadecimal.
        """
        return settings_digest([row.digest for row in self.rows[:count]])

    def batches(self, batch_size: int) -> list[Sequence[int]]:
        """Rows that are sampled together, as far as they can be.

        Args:
            batch_size (`int`): rows of a batch, at most.

        Returns:
            `list[Sequence[int]]`: places of rows; the kinds in the order in which they first appear.
        """
        of_kind: dict[Hashable, list[int]] = {}
        for place, row in enumerate(self.rows):
            of_kind.setdefault(row.kind, []).append(place)
        return [batch for places in of_kind.values() for batch in batches_of(places, batch_size)]


def check_prompts(
    lines: PromptLines, pipeline_of: Callable[[str], NuwaPipelineBase], *, task: str | None = None, seed: int = 0
) -> PromptRows:
    """Check every line of a file of prompts.

    Args:
        lines (`PromptLines`): the lines; files that they name are looked for from the folder of theirs, and found
            wherever the rows go.
        pipeline_of (`Callable`): gives the pipeline of a task by its name.
        task (`str`, *optional*): of lines that name none.
        seed (`int`, defaults to 0): line n, counted from 0 without empty lines, has the seed `seed + n` unless it
            says its own.

    Returns:
        `PromptRows`: one for each line.

    Raises:
        ValueError: If a line breaks a rule: its number, the rule and, if there are more such lines, how many.
    """
    folder = lines.path.parent.absolute()  # workers on other machines have another working directory
    rows, errors = [], []
    for number, text in lines.texts.items():
        try:
            row = _read_line(text, number, folder, pipeline_of, task, seed + len(rows) + len(errors))
            first = rows[0] if rows else row
            if row.task.output != first.task.output:
                raise ValueError(
                    f"`task` must have {first.task.output}s as its output, as that of line {first.line} has, got "
                    f"{row.task.name!r}; put images and videos into files of their own."
                )
            rows.append(row)
        except (ValueError, TypeError, OSError) as error:
            errors.append(f"{lines.path.name}, line {number}: {error}")
    if errors:
        more = f" {len(errors) - 1} more lines are wrong too." if len(errors) > 1 else ""
        raise ValueError(f"{errors[0]}{more} Nothing was made.")
    return PromptRows(tuple(rows))


def _read_line(
    text: str,
    number: int,
    folder: Path,
    pipeline_of: Callable[[str], NuwaPipelineBase],
    task: str | None,
    seed: int,
) -> PromptRow:
    try:
        given = json.loads(text, object_pairs_hook=_each_once)
        json.dumps(given, ensure_ascii=False).encode()  # as metadata.jsonl will hold it
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.end]
        raise ValueError(
            f"a line must hold whole characters, got {half!r}, a half of one; correct it, or rename the file."
        ) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"a line must be a JSON object, got {text[:60]!r}: {error}.") from error
    if not isinstance(given, dict):
        raise ValueError(f'a line must be a JSON object, got {text[:60]!r}; write for example {{"prompt": ...}}.')
    given = {name: value for name, value in given.items() if value is not None}
    row = _task_of(given.pop("task", task))
    seed = given.pop("seed", seed)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"`seed` must be a whole number of at least 0 that fits into 63 bits, got {seed!r}.")
    pipeline = pipeline_of(row.name)
    _check_names(given, row, pipeline)
    for name in given:
        if name not in FILES and isinstance(given[name], list):
            raise ValueError(
                f"a line must describe one {row.output}, so `{name}` is one value, got {shown(given[name])}; "
                "write a line for each."
            )
    for name in given:
        if name in ("condition_on_known", "composite") and not isinstance(given[name], bool):
            raise ValueError(f"`{name}` must be true or false, got {shown(given[name])}.")
    arguments, files = dict(given), {}
    for name in [name for name in given if name in FILES]:
        files[name] = [_found(name, one, folder) for one in _names_of(name, given[name], row)]
        # A batch of one clip, so that files with frames of their own cannot become a batch of many.
        arguments[name] = files[name][0] if len(files[name]) == 1 else [files[name]]
    call = pipeline.check_inputs(**arguments)
    metadata = {"task": row.name, **_metadata(row, given, seed, call)}
    contents = [_digest_of_input(one) for name in sorted(files) for one in files[name]]
    if call.num_outputs != 1:
        raise ValueError(f"a line must describe one {row.output}, got {call.num_outputs}; write a line for each.")
    return PromptRow(
        line=number,
        task=row,
        arguments=arguments,
        seed=seed,
        kind=(row.name, kind_of(call)),
        metadata=metadata,
        digest=settings_digest(metadata, contents, call.sampling.do_sample),
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    name = repeated_name(pairs)
    if name is not None:
        times = [other for other, _ in pairs].count(name)
        raise ValueError(f"`{name}` must be given once, got it {times} times; keep one.")
    return dict(pairs)


def _task_of(name: Any) -> Task:
    if not isinstance(name, str):
        raise ValueError(f'`task` must be named, for example "text-to-video", got {name!r}; or give --task for all.')
    return find_task(name)


def _check_names(given: dict[str, Any], task: Task, pipeline: NuwaPipelineBase) -> None:
    parameters = inspect.signature(type(pipeline).__call__).parameters
    known = [name for name in parameters if name not in NOT_IN_A_LINE]
    for name in given:
        if name not in known:
            why = argument_names.WITHOUT_MEANING.get(name)
            if why is not None:
                raise ValueError(f"{task.name} takes no `{name}`: {why}; leave it out.")
            ours = (argument_names.OTHER_NAMES.get(name), *OTHER_NAMES.get(name, ()))
            nearest = [own for own in ours if own in known] or difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean `{nearest[0]}`?" if nearest else f"there are task, seed, {', '.join(known)}."
            raise ValueError(f"{task.name} takes no `{name}`; {meant}")
    needed = [name for name in known if parameters[name].default is inspect.Parameter.empty]
    missing = [name for name in needed if name not in given]
    if missing:
        raise ValueError(f"{task.name} needs `{missing[0]}`, which is missing.")


def _names_of(name: str, value: Any, task: Task) -> list[str]:
    is_clip = name != "mask" and task.output == "video"
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise ValueError(f"`{name}` must be the name of a file, or its URL, got {shown(value)}.")
    if len(names) > 1 and not is_clip:
        raise ValueError(f"`{name}` must be one file, got {len(names)}; write a line for each.")
    return names


def _found(name: str, file: str, folder: Path) -> str:
    if file.startswith(URLS):
        return file
    path = folder / file
    if not path.is_file():
        raise ValueError(f"`{name}` must be a file that is there, got {str(path)!r}; names are read from {folder}.")
    return str(path)


def _digest_of_input(file: str) -> str:
    return file if file.startswith(URLS) else digest_of_file(file)


def _metadata(task: Task, given: dict[str, Any], seed: int, call: CheckedCall) -> dict[str, Any]:
    """A row of `metadata.jsonl`. A column called `image` or `video` would be that of the picture itself."""
    row: dict[str, Any] = {"text": given["prompt"]} if "prompt" in given else {}
    row |= {"seed": seed, **{name: call.sampling.of_outputs(name, 1)[0] for name in SETTINGS}}
    for name in ("guidance_scale", "temperature", "top_p", "min_p"):  # a column has one type
        row[name] = None if row[name] is None else float(row[name])
    if task.output == "video":
        row["num_frames"] = call.num_frames
    for name in sorted(given.keys() - row.keys() - {"prompt"}):
        value = given[name]
        row[f"given_{name}" if name in FILES else name] = json.dumps(value) if isinstance(value, list) else value
    return row
