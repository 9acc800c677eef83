# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The transformer of a run: a fresh one, or the one to start from."""

import logging
from collections.abc import Collection

import torch
from transformers import GenerationConfig
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.other_codes import transformer_with_codes
from nuwa_hf.modeling.token_checks import check_grid
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.pipelines.learnt import is_other_codec
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.nuwa.components import Components
from nuwa_hf.training.nuwa.fine_tuning import check_what_stays
from nuwa_hf.training.nuwa.nuwa_arguments import SIZES, NuwaArguments
from nuwa_hf.training.nuwa.task_shares import parse_task_shares
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.tokens.token_mixture import starts_from_sketch


logger = logging.getLogger(__name__)

GUIDANCE_SCALE, UNGUIDED_TEMPERATURE = 2.0, 0.5  # defaults of a fresh transformer


def build_transformer(
    arguments: NuwaArguments, components: Components, grid: Grid, frame_rate: float | None = None
) -> NuwaForConditionalGeneration:
    """A transformer for these components and this grid: the one to start from, or a fresh one.

    One saved in bfloat16 or float16 is trained in float32, for rounding would lose small steps. One saved before
    sketches and known parts were supported gets fresh weights for them, and the window over them that the preset has
    for its grid. The configuration says which codecs and tasks are learnt; one to start from that learnt another
    codec's tokens gives a warning, and learns this one's.

    Args:
        arguments (`NuwaArguments`): preset and overrides.
        components (`Components`): the sizes of codebooks and vocabulary, and where the transformer is.
        grid (`Grid`): the grid of the training clips. A transformer to start from needs as many positions.
        frame_rate (`float`, *optional*): of the training clips, which becomes the transformer's; by default it keeps
            its own.

    Returns:
        `NuwaForConditionalGeneration`.

    Raises:
        ValueError: If the transformer is quantised, has too few positions for the grid, was made for a sketch codec
            with another codebook, or has weights that have learnt nothing and would stay so; or if there is none and
            the tokenizer is CLIP's.
    """
    sizes = {"hidden_dropout": arguments.hidden_dropout}
    if frame_rate is not None:
        sizes["frame_rate"] = frame_rate
    if arguments.condition_window is not None:
        sizes["condition_window"] = tuple(arguments.condition_window)
    if components.sketch_vqgan is not None:
        sizes["sketch_codebook_size"] = as_codec(components.sketch_vqgan).codebook_size
    if components.transformer is not None:
        saved, _ = NuwaConfig.get_config_dict(components.transformer, subfolder=components.subfolder)
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
        older = None if "sketch_codebook_size" in saved else ("T2I", "T2V")  # which had texts alone
        learnt, has_clip = saved.get("learnt_tasks", older), saved.get("text_encoder_config") is not None
        check_what_stays(arguments.fine_tune, parse_task_shares(arguments.tasks), learnt, has_clip=has_clip)
        grids = {"visual_grid": tuple(saved["visual_grid"])} if "visual_grid" in saved else {}
        preset = NuwaConfig.from_preset(arguments.preset, **grids)
        for name in {"sketch_codebook_size", "condition_window"} - saved.keys():
            sizes.setdefault(name, getattr(preset, name))
        model = NuwaForConditionalGeneration.from_pretrained(
            components.transformer, subfolder=components.subfolder, dtype=torch.float32, **sizes
        )
        codes, known = as_codec(components.vqgan).codebook_size, model.config.codebook_size
        rule = f"'full' or 'frozen-encoder' with a codec of {codes} codes for a transformer of {known}"
        is_lora = arguments.fine_tune == "lora"
        require(codes <= known or not is_lora, "fine_tune", rule, "lora", "adapters learn no new codes")
        model = with_more_texts(with_more_codes(model, codes), components.tokenizer, arguments.fine_tune)
        check_grid(grid, model.config)
    else:
        is_ours = isinstance(components.tokenizer, NuwaTokenizer)
        kind, remedy = (
            type(components.tokenizer).__name__,
            "make one with conversion_scripts/init_text_encoder_from_clip.py",
        )
        require(is_ours, "transformer", "given with a tokenizer that is not NuwaTokenizer", kind, remedy)
        sizes |= {name: getattr(arguments, name) for name in SIZES if getattr(arguments, name) is not None}
        config = NuwaConfig.from_preset(
            arguments.preset,
            **sizes,
            vocab_size=len(components.tokenizer),
            codebook_size=as_codec(components.vqgan).codebook_size,
            visual_grid=tuple(grid),
            pad_token_id=components.tokenizer.pad_token_id,
            none_token_id=components.tokenizer.none_token_id,
        )
        model = NuwaForConditionalGeneration(config)
    model.generation_config = _sampling_defaults(arguments, model, components)
    _remember_what_is_learnt(model, arguments, components)
    if arguments.gradient_checkpointing:
        model.activation_checkpointing_enable()
    return model


def with_more_codes(model: NuwaForConditionalGeneration, codebook_size: int) -> NuwaForConditionalGeneration:
    """The transformer for a codec that has learnt more codes than it knows.

    Args:
        model (`NuwaForConditionalGeneration`): the transformer; not changed.
        codebook_size (`int`): number of codes, W.

    Returns:
        `NuwaForConditionalGeneration`: with the same weights for the codes that it knows, which are the first, and
            fresh ones for the others. The same model if there are no others.
    """
    if codebook_size <= model.config.codebook_size:
        return model
    return transformer_with_codes(model, codebook_size, lambda rows, fresh: torch.cat([rows, fresh[len(rows) :]]))


def with_more_texts(
    model: NuwaForConditionalGeneration, tokenizer: NuwaTokenizer | CLIPTokenizer, fine_tune: str
) -> NuwaForConditionalGeneration:
    """The transformer for a tokenizer that has learnt more tokens than it knows (`NuwaTokenizer.extend`).

    A new token's embedding is the mean of those that it was merged from; one of a new character is fresh.

    Args:
        model (`NuwaForConditionalGeneration`): the transformer; changed in place.
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the tokenizer of the run.
        fine_tune (`str`): what learns.

    Returns:
        `NuwaForConditionalGeneration`: the same model.

    Raises:
        ValueError: If the new embeddings could not be learnt, or the tokenizer is CLIP's, which is not extended.
    """
    known = model.config.vocab_size
    if len(tokenizer) <= known:
        return model
    kind = f"{type(tokenizer).__name__} of {len(tokenizer)}"
    rule = f"a NuwaTokenizer, or one of at most the {known} tokens of `transformer`"
    require(isinstance(tokenizer, NuwaTokenizer), "tokenizer", rule, kind, "give the one that it was trained with")
    rule = f"'full' with a tokenizer of {len(tokenizer)} tokens for a transformer of {known}"
    require(fine_tune == "full", "fine_tune", rule, fine_tune, "else the new words cannot be learnt")
    embedding = model.resize_token_embeddings(len(tokenizer), mean_resizing=False).weight
    parts = tokenizer.parts_of_tokens()
    with torch.no_grad():
        for token in range(known, len(tokenizer)):
            if token in parts:
                embedding[token] = embedding[list(parts[token])].mean(0)
    return model


def _remember_what_is_learnt(
    model: NuwaForConditionalGeneration, arguments: NuwaArguments, components: Components
) -> None:
    """Write the codecs and the tasks of the run into the configuration, beside the tasks that the start had learnt
    from tokens of the same codecs.
    """
    config, kept = model.config, model.config.learnt_tasks
    others = [name for name, codec in components.codecs.items() if is_other_codec(name, codec, model)]
    if components.transformer is None or "vqgan" in others:
        kept = ()
    elif "sketch_vqgan" in others and kept is not None:
        kept = [task for task in kept if not starts_from_sketch(task)]
    for name, codec in components.codecs.items():
        setattr(config, f"{name}_digest", codec_digest(codec))
    tasks = {*(kept or ()), *parse_task_shares(arguments.tasks)}
    if components.transformer is not None and others:
        lost = ", ".join(task for task in config.learnt_tasks or () if task not in tasks)
        logger.warning(
            "The transformer has learnt the tokens of another codec (%s) and now learns those of `tokens`%s.",
            " and ".join(others),
            f"; what it does not learn anew is lost: {lost}" if lost else "",
        )
    if kept is not None:  # of a start that does not say what it has learnt, nothing is said afterwards either
        config.learnt_tasks = tuple(task.abbreviation for task in TASKS if task.abbreviation in tasks)


def _sampling_defaults(
    arguments: NuwaArguments, model: NuwaForConditionalGeneration, components: Components
) -> GenerationConfig:
    """The sampling defaults of the finished checkpoint: from the arguments, else from the transformer to start from,
    else the defaults. What was chosen for the tokens of its codec, such as a temperature, is not kept with another.
    """
    saved = model.generation_config
    if is_other_codec("vqgan", components.vqgan, model):
        saved = GenerationConfig(guidance_scale=saved.guidance_scale)
    values = {"guidance_scale": GUIDANCE_SCALE, "unguided_temperature": UNGUIDED_TEMPERATURE}
    for source in (saved, arguments):
        values |= {name: getattr(source, name) for name in values if getattr(source, name, None) is not None}
    kept = {name: getattr(saved, name, None) for name in ("temperature", "top_k", "top_p", "min_p")}
    if arguments.temperature is not None:
        kept["temperature"] = arguments.temperature
    return GenerationConfig(do_sample=True, **values, **{name: v for name, v in kept.items() if v is not None})


def freeze_unused(model: NuwaForConditionalGeneration, tasks: Collection[str]) -> None:
    """Freeze the weights that no task of the mix uses. Several processes would wait forever for their gradients.

    Args:
        model (`NuwaForConditionalGeneration`): changed in place, before anything wraps it. What is frozen stays so.
        tasks (`Collection[str]`): short names of the tasks.
    """
    has_sketch = any(starts_from_sketch(task) for task in tasks)
    has_known = any(get_task(task).known != "nothing" for task in tasks)
    # With a CLIP text side our encoder reads sketches and known parts alone.
    is_read = model.config.text_encoder_config is None or has_sketch or has_known
    base = model.model
    for part, is_used in (
        (base.sketch_embeddings, has_sketch),
        (base.known_embeddings, has_known),
        (base.encoder, is_read),
    ):
        if not is_used:
            part.requires_grad_(False)
