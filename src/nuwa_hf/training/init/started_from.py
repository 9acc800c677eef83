# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a checkpoint that is to be trained further fits the clips: whether its codec draws them, and its words."""

from dataclasses import dataclass

from nuwa_hf.command_logs import silenced
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.storage.find_checkpoint import find_checkpoint, find_codecs
from nuwa_hf.training.init.data_facts import MOST_LOOKED_AT, DataFacts
from nuwa_hf.training.init.first_settings import Start
from nuwa_hf.training.tokens.caption_tokens import caption_losses
from nuwa_hf.training.tokens.codec_judgement import LOW_PSNR, judge_codec


JUDGED_CLIPS = 8


@dataclass(frozen=True)
class StartFit:
    """A checkpoint beside a data set.

    Args:
        start (`Start`): the checkpoint.
        trains_codec (`bool`): whether its codec has to learn the clips first.
        learns_words (`bool`): whether words are added to its tokenizer.
        sentences (`tuple[str, ...]`): what was found.
    """

    start: Start
    trains_codec: bool
    learns_words: bool
    sentences: tuple[str, ...]


def start_from(name: str, fine_tune: str, dataset: str, split: str, facts: DataFacts) -> StartFit:
    """Look how a checkpoint fits a data set. An adapter's checkpoint keeps its codec and its words.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`.
        fine_tune (`str`): what is learnt: `"full"` or `"lora"`.
        dataset (`str`): the data set.
        split (`str`): which part of it.
        facts (`DataFacts`): what it is like.

    Returns:
        `StartFit`.

    Raises:
        ValueError: If the data set cannot be opened, or has clips and the checkpoint draws images alone.
        OSError: If the checkpoint is not there.
    """
    folders = find_codecs(name)
    config = NuwaConfig.from_pretrained(find_checkpoint(name), subfolder="transformer")
    if config.visual_grid[0] == 1 and not facts.is_still:
        raise ValueError(
            f"`checkpoint` must draw clips where the data set has clips, got {name!r}, which draws images alone; take "
            "another one, or from-nothing."
        )
    vqgan, tokenizer = load_codec(folders["vqgan"]).eval(), load_text_tokenizer(folders["tokenizer"])
    size = as_codec(vqgan).sample_size
    with silenced("nuwa_hf.datasets"):  # it has been opened before
        rows = open_dataset(dataset, split=split)
        columns = {"media_column": facts.media_column, "caption_column": facts.caption_column}
        columns["caption_source"] = facts.caption_source
        media = CaptionedMedia(rows, height=size, width=size, num_frames=1, frame_rate=1.0, **columns)
    judged = judge_codec(vqgan, media, JUDGED_CLIPS)
    places = range(0, media.num_rows, -(-media.num_rows // MOST_LOOKED_AT))
    captions = (media.reader.columns.caption_of(rows[place]) for place in places)
    found = caption_losses(tokenizer, [(str(place), text) for place, text in zip(places, captions, strict=True)])
    sentences = []
    is_low = judged is not None and judged.is_low
    is_ours = isinstance(vqgan, NuwaVQGAN)
    if judged is not None:
        verdict = f"too low, below {LOW_PSNR:g}: " if is_low else "good enough"
        if is_low and not is_ours:
            kind = type(vqgan).__name__
            verdict += f"it stays, for train-vqgan trains a NuwaVQGAN, not a {kind}; from-nothing has a codec trained"
        elif is_low:
            is_adapter = fine_tune == "lora"
            verdict += "an adapter keeps it, take fine-tune instead" if is_adapter else "it learns them first"
        sentences.append(f"codec of {name}: draws {judged.clips} of the clips at {judged.psnr:.1f} dB, {verdict}")
    unknown = found.partly_unknown + found.all_unknown
    lacks_words = isinstance(tokenizer, NuwaTokenizer) and (unknown > 0 or found.is_spelled)
    if fine_tune == "lora":
        return StartFit(Start(name, config, size, fine_tune), False, False, tuple(sentences))
    return StartFit(Start(name, config, size, fine_tune), is_low and is_ours, lacks_words, tuple(sentences))
