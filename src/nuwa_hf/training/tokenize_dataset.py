# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Turn EmojiMotion clips into token files: `nuwa-hf tokenize`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from einops import rearrange
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion, SpritePack, sketch_class_names
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.arguments import argument, parse_arguments, require
from nuwa_hf.training.cpu_memory import keep_freed_memory
from nuwa_hf.training.token_files import (
    METADATA_NAME,
    TokenFiles,
    fingerprints,
    read_metadata,
    shard_path,
    write_metadata,
    write_shard,
)


CLIPS_PER_SHARD = 2048
CLIPS_PER_BATCH = 32


@dataclass(kw_only=True)
class TokenizeArguments:
    """The arguments of `nuwa-hf tokenize`.

    Raises:
        ValueError: If a value breaks its rule.
    """

    vqgan: str = argument(help="Folder of the trained VQ-GAN.")
    tokenizer: str = argument(help="Folder of the text tokenizer.")
    output_dir: str = argument(help="Folder of the token files.")
    sketch_vqgan: str | None = argument(None, help="Folder of the trained sketch VQ-GAN, to tokenise sketches too.")
    setting: Literal["small", "large"] = argument("small", help="EmojiMotion setting whose clips are tokenised.")
    sprites: Literal["noto", "shapes"] = argument("noto", help="'noto' emoji, or 'shapes' drawn without a font.")
    split: Literal["train", "val", "zeroshot"] = argument("train", help="Split of the data set.")
    num_clips: int = argument(40000, help="How many clips, from the first on.")
    seed: int = argument(0, help="Seed of the data set.")
    device: str = argument("cpu", help="Where the VQ-GAN runs.")

    def __post_init__(self):
        for name, allowed in (
            ("setting", ("small", "large")),
            ("sprites", ("noto", "shapes")),
            ("split", ("train", "val", "zeroshot")),
        ):
            value = getattr(self, name)
            require(value in allowed, name, f"one of {list(allowed)}", value, "choose one of these")
        require(self.num_clips > 0, "num_clips", "at least 1", self.num_clips, "the default is 40000")
        require(self.seed >= 0, "seed", "at least 0", self.seed, "use for example 0")


@torch.no_grad()
def tokenize_clips(
    dataset,
    indices: Sequence[int],
    vqgan: NuwaVQGAN,
    tokenizer: NuwaTokenizer,
    sketch_vqgan: NuwaVQGAN | None = None,
) -> TokenFiles:
    """Tokens of some clips of a data set.

    Args:
        dataset (`EmojiMotion`): or anything with the same samples.
        indices (`Sequence[int]`): which clips.
        vqgan (`NuwaVQGAN`): the codec, in float32.
        tokenizer (`NuwaTokenizer`): for both captions.
        sketch_vqgan (`NuwaVQGAN`, *optional*): the codec of sketches, in float32; without it they are left out.

    Returns:
        `TokenFiles`: one row for each index.
    """
    samples = [dataset[index] for index in indices]
    video = torch.stack([torch.from_numpy(sample["video"]) for sample in samples])
    pixels = rearrange(video, "b t y x c -> b c t y x").to(vqgan.device, torch.float32) / 127.5 - 1

    def ids(key):
        text = tokenizer([sample[key] for sample in samples], padding="max_length", truncation=True)
        return torch.tensor(text.input_ids, dtype=torch.int32)

    sketch_tokens = None
    if sketch_vqgan is not None:
        sketches = torch.stack([torch.from_numpy(sample["sketch"]) for sample in samples])
        classes = class_maps_to_pixels(sketches.to(sketch_vqgan.device, torch.long), sketch_vqgan.config.in_channels)
        sketch_tokens = sketch_vqgan.encode(classes).tokens.int().cpu()
    return TokenFiles(
        video_tokens=vqgan.encode(pixels).tokens.int().cpu(),
        caption_ids=ids("caption"),
        image_caption_ids=ids("image_caption"),
        image_indices=torch.tensor([sample["image_index"] for sample in samples], dtype=torch.int32),
        sketch_tokens=sketch_tokens,
    )


def load_sketch_vqgan(arguments: TokenizeArguments) -> NuwaVQGAN | None:
    """The codec of sketches that the arguments name.

    Args:
        arguments (`TokenizeArguments`): the command's.

    Returns:
        `NuwaVQGAN`, or None if they name none.

    Raises:
        ValueError: If it does not read as many classes as the data set's sketches have.
    """
    if arguments.sketch_vqgan is None:
        return None
    sketch_vqgan = NuwaVQGAN.from_pretrained(arguments.sketch_vqgan).to(arguments.device).eval()
    sketch_vqgan.to(memory_format=torch.channels_last)  # many channels in: a fifth faster on a CPU
    classes = sketch_vqgan.config.in_channels
    require(
        classes == len(sketch_class_names),
        "sketch_vqgan",
        f"a codec of the {len(sketch_class_names)} classes of EmojiMotion's sketches",
        f"{classes} channels",
        "give the one trained on sketches",
    )
    return sketch_vqgan


def main(argv: Sequence[str] | None = None) -> None:
    """Write token files; shards that are already there are kept, so that a stopped run goes on.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `TokenizeArguments`; the process's own when None.

    Raises:
        ValueError: If an argument is wrong, or the folder holds token files of other arguments, another codec or
            tokenizer.
    """
    arguments = parse_arguments(TokenizeArguments, argv)
    if arguments.device == "cpu":
        keep_freed_memory()
    vqgan = NuwaVQGAN.from_pretrained(arguments.vqgan).to(arguments.device).eval()
    tokenizer = NuwaTokenizer.from_pretrained(arguments.tokenizer)
    sketch_vqgan = load_sketch_vqgan(arguments)
    pack = SpritePack.drawn_shapes() if arguments.sprites == "shapes" else SpritePack.load()
    setting = SETTINGS[arguments.setting]
    if arguments.sprites == "shapes":
        setting = replace(setting, objects=None)  # a setting names emoji; shapes are all used
    dataset = EmojiMotion(
        pack, setting=setting, split=arguments.split, seed=arguments.seed, length=arguments.num_clips
    )
    folder = Path(arguments.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, arguments.num_clips, CLIPS_PER_SHARD)
    metadata = {
        **{name: getattr(arguments, name) for name in ("setting", "sprites", "split", "num_clips", "seed")},
        **fingerprints(vqgan, tokenizer, sketch_vqgan),
        "num_shards": len(starts),
    }
    if not (folder / METADATA_NAME).is_file():
        write_metadata(folder, metadata)
    elif read_metadata(folder) != metadata:
        found = read_metadata(folder)
        other = sorted(name for name in {**found, **metadata} if found.get(name) != metadata.get(name))
        raise ValueError(
            f"`output_dir` must be a new folder or hold token files of the same arguments, got {str(folder)!r}, whose "
            f"{', '.join(other)} differ; use another."
        )
    with tqdm(total=arguments.num_clips, unit="clip", desc="Tokenising") as progress:
        for index, start in enumerate(starts):
            stop = min(start + CLIPS_PER_SHARD, arguments.num_clips)
            if not shard_path(folder, index).is_file():
                parts = []
                for first in range(start, stop, CLIPS_PER_BATCH):
                    batch = range(first, min(first + CLIPS_PER_BATCH, stop))
                    parts.append(tokenize_clips(dataset, batch, vqgan, tokenizer, sketch_vqgan))
                    progress.update(len(batch))
                names = [name for name, column in vars(parts[0]).items() if column is not None]
                columns = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
                write_shard(folder, index, TokenFiles(**columns))
            else:
                progress.update(stop - start)


if __name__ == "__main__":
    main()
