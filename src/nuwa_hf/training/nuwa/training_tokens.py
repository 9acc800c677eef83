# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Loads the token files of a run and checks that they fit its components, its tasks and each other."""

from dataclasses import replace
from pathlib import Path

from nuwa_hf.grid import Grid
from nuwa_hf.training.nuwa.components import Components
from nuwa_hf.training.nuwa.held_out_rows import parts_of
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.task_shares import parse_task_shares
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.run.saved_data import RunData
from nuwa_hf.training.tokens.clip_sources import DATASET_NAME
from nuwa_hf.training.tokens.token_files import TokenFiles, frame_rate_of, read_metadata
from nuwa_hf.training.tokens.token_mixture import TokenMixture, parse_token_sources, starts_from_sketch
from nuwa_hf.training.tokens.token_origin import check_tokens


# What tells token files from others, of their metadata; none of it is a path.
OF_TOKENS = ("codec", "sketch_codec", "text_tokenizer", "dataset_digest", "num_clips")


def load_tokens(arguments: NuwaArguments, name: str, components: Components) -> TokenFiles | TokenMixture | None:
    """The token files that an argument names, checked against codecs, tokenizer and tasks.

    With a `validation_share`, the validation clips are that share of `tokens`, and the training clips are the others.

    Args:
        arguments (`NuwaArguments`): names the folders and the tasks.
        name (`str`): the argument, `"tokens"` or `"validation_tokens"`.
        components (`Components`): codecs and tokenizer.

    Returns:
        `TokenFiles` of a single folder, `TokenMixture` of several, or None if there are none.

    Raises:
        ValueError: If files are missing, come from other codecs or another tokenizer, or lack what a task needs; or if
            a share of a folder would have no clip.
    """
    texts, tasks = getattr(arguments, name), parse_task_shares(arguments.tasks)
    is_held_out = name == "validation_tokens"
    if texts is None and is_held_out and arguments.validation_share > 0:
        texts = arguments.tokens
    if texts is None:
        return None
    sources = parse_token_sources(texts, tasks)
    loaded = []
    for source in sources:
        # One of several folders may lack sketches; the mixture reports a task for which all do.
        fed = (tasks if len(sources) == 1 else ()) if source.tasks is None else source.tasks
        needs_sketches = any(starts_from_sketch(task) for task in fed)
        tokens, metadata = TokenFiles.load(source.folder), read_metadata(Path(source.folder))
        check_tokens(
            tokens, metadata, name, components.vqgan, components.tokenizer, components.sketch_vqgan, needs_sketches
        )
        loaded.append(tokens)
    if (share := arguments.validation_share) > 0:
        folders = [source.folder for source in sources]
        loaded = parts_of(folders, loaded, share, arguments.seed, is_held_out=is_held_out)
    loaded = [replace(tokens, source_rows=None) for tokens in loaded]
    if len(loaded) == 1 and sources[0].tasks is None:
        return loaded[0]
    mixture = TokenMixture(list(zip(sources, loaded, strict=True)))
    for task in tasks:
        mixture.feeding(task)
    return mixture


def frame_rate_of_tokens(arguments: NuwaArguments) -> float | None:
    """The one rate at which the clips of all token files were sampled.

    Args:
        arguments (`NuwaArguments`): names the folders of `tokens` and `validation_tokens`.

    Returns:
        `float` or `None`: frames a second; None where there are only still images, or no file says.

    Raises:
        ValueError: If folders differ, or a file is missing.
    """
    texts, tasks = [*arguments.tokens, *(arguments.validation_tokens or ())], parse_task_shares(arguments.tasks)
    folders = [source.folder for source in parse_token_sources(texts, tasks)]
    rates = {folder: frame_rate_of(read_metadata(Path(folder))) for folder in folders}
    known = {rate for rate in rates.values() if rate is not None}
    if len(known) > 1:
        found = ", ".join(f"{rate:g} in {folder!r}" for folder, rate in rates.items() if rate is not None)
        raise ValueError(
            f"`tokens` must hold clips of one frame rate, got {found}; tokenise them with one `frame_rate`, which the "
            "checkpoint then has."
        )
    return known.pop() if known else None


def data_of_tokens(arguments: NuwaArguments) -> RunData:
    """What tells the clips of `tokens` from others: who encoded them, of which data, and how many they are.

    Args:
        arguments (`NuwaArguments`): names the folders.

    Returns:
        `dict[str, str | int | None]`: by the place of a folder among `tokens`, so that folders may be moved.

    Raises:
        ValueError: If a file is missing.
    """
    sources = parse_token_sources(arguments.tokens, parse_task_shares(arguments.tasks))
    data = {}
    for place, source in enumerate(sources):
        metadata = read_metadata(Path(source.folder))
        data |= {f"`{name}` of tokens[{place}]": metadata.get(name) for name in OF_TOKENS}
    return data


def datasets_of_tokens(arguments: NuwaArguments) -> tuple[str, ...]:
    """The data sets that `tokens` were made from.

    Args:
        arguments (`NuwaArguments`): names the folders.

    Returns:
        `tuple[str, ...]`: each once, as `name_of_dataset` names it; for a folder that does not say, the folder.

    Raises:
        ValueError: If a file is missing.
    """
    sources = parse_token_sources(arguments.tokens, parse_task_shares(arguments.tasks))
    told = {source.folder: read_metadata(Path(source.folder)).get(DATASET_NAME) for source in sources}
    return tuple(dict.fromkeys(name if isinstance(name, str) else folder for folder, name in told.items()))


def check_batch(
    arguments: NuwaArguments, tokens: TokenFiles | TokenMixture, validation: TokenFiles | TokenMixture | None
) -> Grid:
    """Check that a batch is not larger than the data set, and that both sets of clips have the same grid.

    Args:
        arguments (`NuwaArguments`): give the batch size.
        tokens (`TokenFiles` or `TokenMixture`): the training clips.
        validation (`TokenFiles` or `TokenMixture`, *optional*): the clips of the validation loss.

    Returns:
        `Grid`: of the clips.

    Raises:
        ValueError: If there are fewer clips than rows, or the grids differ.
    """
    rows, clips = arguments.train_batch_size, len(tokens)
    require(rows <= clips, "train_batch_size", f"at most the {clips} clips of `tokens`", rows, "use a smaller batch")
    grid = _grid_of(tokens)
    if validation is not None and _grid_of(validation) != grid:
        raise ValueError(
            f"`validation_tokens` must have the token grid of `tokens`, {tuple(grid)}, got "
            f"{tuple(_grid_of(validation))}; tokenise clips of the same setting."
        )
    return grid


def _grid_of(tokens: TokenFiles | TokenMixture) -> Grid:
    return tokens.video_grid if isinstance(tokens, TokenMixture) else Grid(*tokens.video_tokens.shape[1:])
