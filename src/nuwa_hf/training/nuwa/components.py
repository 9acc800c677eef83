# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the training of a transformer starts from: codecs, tokenizer, token files and the transformer itself."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from diffusers import ModelMixin
from transformers import CLIPTokenizer, GenerationConfig

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.token_checks import check_grid
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.pipelines import NuwaTextToVideoPipeline
from nuwa_hf.storage.find_checkpoint import find_checkpoint
from nuwa_hf.storage.local_checkpoint import EMPTY, check_checkpoint_folder, is_local_path
from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.nuwa_arguments import PARTS, SIZES, NuwaArguments
from nuwa_hf.training.nuwa.task_batches import parse_task_shares
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.tokens.token_files import TokenFiles, check_tokens, frame_rate_of, read_metadata
from nuwa_hf.training.tokens.token_mixture import TokenMixture, parse_token_sources, starts_from_sketch


logger = logging.getLogger(__name__)

GUIDANCE_SCALE, UNGUIDED_TEMPERATURE = 2.0, 0.5  # defaults of a fresh transformer


@dataclass(frozen=True)
class RunParts:
    """The parts beside the transformer, and where the transformer is.

    Args:
        vqgan (`ModelMixin`): the codec that made the tokens.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer that made them.
        sketch_vqgan (`ModelMixin`, *optional*): the codec of sketches that made them.
        transformer (`str`, *optional*): folder or Hub id of the transformer to start from; None for a fresh one.
        subfolder (`str`, defaults to `""`): the transformer's folder in it.
    """

    vqgan: ModelMixin
    tokenizer: NuwaTokenizer | CLIPTokenizer
    sketch_vqgan: ModelMixin | None = None
    transformer: str | None = None
    subfolder: str = ""

    @property
    def components(self) -> dict[str, ModelMixin | NuwaTokenizer | CLIPTokenizer | None]:
        """The parts by the names that the pipelines give them."""
        return {"vqgan": self.vqgan, "tokenizer": self.tokenizer, "sketch_vqgan": self.sketch_vqgan}


def load_parts(arguments: NuwaArguments) -> RunParts:
    """The parts that the arguments name, one by one or by a whole checkpoint.

    Args:
        arguments (`NuwaArguments`): the names.

    Returns:
        `RunParts`.

    Raises:
        OSError: If one is not there.
    """
    if arguments.checkpoint is None:
        sketch_vqgan = arguments.sketch_vqgan
        return RunParts(
            load_codec(arguments.vqgan),
            load_text_tokenizer(arguments.tokenizer),
            None if sketch_vqgan is None else load_codec(sketch_vqgan),
            arguments.transformer,
        )
    checkpoint = find_checkpoint(arguments.checkpoint)
    if is_local_path(checkpoint):
        check_checkpoint_folder(
            Path(checkpoint), [name for name in PARTS if name != "sketch_vqgan"], optional=["sketch_vqgan"]
        )
    index = NuwaTextToVideoPipeline.load_config(checkpoint)
    has_sketches = list(index.get("sketch_vqgan", EMPTY)) != EMPTY
    return RunParts(
        load_codec(checkpoint, subfolder="vqgan"),
        load_text_tokenizer(checkpoint, subfolder="tokenizer"),
        load_codec(checkpoint, subfolder="sketch_vqgan") if has_sketches else None,
        checkpoint,
        "transformer",
    )


def load_tokens(arguments: NuwaArguments, name: str, parts: RunParts) -> TokenFiles | TokenMixture | None:
    """The token files that an argument names, checked against codecs, tokenizer and tasks.

    Args:
        arguments (`NuwaArguments`): names the folders and the tasks.
        name (`str`): the argument, `"tokens"` or `"validation_tokens"`.
        parts (`RunParts`): codecs and tokenizer.

    Returns:
        `TokenFiles` of a single folder, `TokenMixture` of several, or None if the argument is None.

    Raises:
        ValueError: If files are missing, are not of these codecs and this tokenizer, or lack what a task needs.
    """
    texts, tasks = getattr(arguments, name), parse_task_shares(arguments.tasks)
    if texts is None:
        return None
    sources = parse_token_sources(texts, tasks)
    loaded = []
    for source in sources:
        # Of several folders one may hold no sketches; the mixture then says which task has none at all.
        fed = (tasks if len(sources) == 1 else ()) if source.tasks is None else source.tasks
        needs_sketches = any(starts_from_sketch(task) for task in fed)
        tokens, metadata = TokenFiles.load(source.folder), read_metadata(Path(source.folder))
        check_tokens(tokens, metadata, name, parts.vqgan, parts.tokenizer, parts.sketch_vqgan, needs_sketches)
        loaded.append((source, tokens))
    if len(loaded) == 1 and sources[0].tasks is None:
        return loaded[0][1]
    mixture = TokenMixture(loaded)
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


def check_batch(
    arguments: NuwaArguments, tokens: TokenFiles | TokenMixture, validation: TokenFiles | TokenMixture | None
) -> Grid:
    """A batch must not be larger than the data set, and both sets of clips must be of one grid.

    Args:
        arguments (`NuwaArguments`): give the rows of a batch.
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


def build_transformer(
    arguments: NuwaArguments, parts: RunParts, grid: Grid, frame_rate: float | None = None
) -> NuwaForConditionalGeneration:
    """A transformer for these parts and this grid: the one to start from, else a fresh one.

    A transformer that was saved before there were sketches and known parts gets fresh weights for them, and the
    preset's window for looking at them.

    Args:
        arguments (`NuwaArguments`): preset and overrides.
        parts (`RunParts`): the sizes of codebooks and vocabulary, and where the transformer is.
        grid (`Grid`): of the training clips; at most the positions of a transformer to start from.
        frame_rate (`float`, *optional*): of the training clips, which becomes the transformer's; by default it keeps
            its own.

    Returns:
        `NuwaForConditionalGeneration`.

    Raises:
        ValueError: If the transformer is quantised, has too few positions for the grid, or was made for a sketch codec
            with another codebook; or if there is none and the tokenizer is CLIP's.
    """
    sizes = {"hidden_dropout": arguments.hidden_dropout}
    if frame_rate is not None:
        sizes["frame_rate"] = frame_rate
    if parts.sketch_vqgan is not None:
        sizes["sketch_codebook_size"] = as_codec(parts.sketch_vqgan).codebook_size
    if parts.transformer is not None:
        saved, _ = NuwaConfig.get_config_dict(parts.transformer, subfolder=parts.subfolder)
        require(
            "quantization_config" not in saved,
            "transformer",
            "one with weights in floating point",
            f"one quantised by {saved.get('quantization_config', {}).get('quant_method')!r}",
            "train the one that it was made from and quantise afterwards",
        )
        learnt_rate = saved.get("frame_rate", frame_rate)
        if frame_rate not in (None, learnt_rate):
            logger.warning(
                "The transformer drew %g frames a second; it now learns the %g of `tokens`.", learnt_rate, frame_rate
            )
        theirs, ours = saved.get("sketch_codebook_size"), sizes.get("sketch_codebook_size")
        require(
            None in (theirs, ours) or theirs == ours,
            "sketch_vqgan",
            f"a codec of {theirs} codes, those of `transformer`",
            f"{ours} codes",
            "give the one that it was trained with",
        )
        preset = NuwaConfig.from_preset(arguments.preset)
        for name in {"sketch_codebook_size", "condition_window"} - saved.keys():
            sizes.setdefault(name, getattr(preset, name))
        model = NuwaForConditionalGeneration.from_pretrained(parts.transformer, subfolder=parts.subfolder, **sizes)
        check_grid(grid, model.config)
    else:
        is_ours = isinstance(parts.tokenizer, NuwaTokenizer)
        kind, remedy = (
            type(parts.tokenizer).__name__,
            "make one with conversion_scripts/init_text_encoder_from_clip.py",
        )
        require(is_ours, "transformer", "given with a tokenizer that is not NuwaTokenizer", kind, remedy)
        sizes |= {name: getattr(arguments, name) for name in SIZES if getattr(arguments, name) is not None}
        config = NuwaConfig.from_preset(
            arguments.preset,
            **sizes,
            vocab_size=len(parts.tokenizer),
            codebook_size=as_codec(parts.vqgan).codebook_size,
            visual_grid=tuple(grid),
            pad_token_id=parts.tokenizer.pad_token_id,
            none_token_id=parts.tokenizer.none_token_id,
        )
        model = NuwaForConditionalGeneration(config)
    model.generation_config = _sampling_defaults(arguments, model.generation_config)
    if arguments.gradient_checkpointing:
        model.activation_checkpointing_enable()
    return model


def _sampling_defaults(arguments: NuwaArguments, saved: GenerationConfig) -> GenerationConfig:
    """What the finished checkpoint samples with: what was given, else what the start says, else a fresh one's."""
    values = {"guidance_scale": GUIDANCE_SCALE, "unguided_temperature": UNGUIDED_TEMPERATURE}
    for source in (saved, arguments):
        values |= {name: getattr(source, name) for name in values if getattr(source, name, None) is not None}
    kept = {name: getattr(saved, name, None) for name in ("temperature", "top_k", "top_p", "min_p")}
    return GenerationConfig(do_sample=True, **values, **{name: v for name, v in kept.items() if v is not None})


def freeze_unused(model: NuwaForConditionalGeneration, tasks: Collection[str]) -> None:
    """Freeze the weights that no task of the mix reads: several processes would wait for their gradients forever.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place.
        tasks (`Collection[str]`): short names of the tasks.
    """
    model.model.sketch_embeddings.requires_grad_(any(starts_from_sketch(task) for task in tasks))
    model.model.known_embeddings.requires_grad_(any(get_task(task).known != "nothing" for task in tasks))
    # With a CLIP text side our encoder reads sketches and known parts alone.
    others = (model.model.sketch_embeddings, model.model.known_embeddings)
    is_read = any(weight.requires_grad for part in others for weight in part.parameters())
    model.model.encoder.requires_grad_(model.config.text_encoder_config is None or is_read)
