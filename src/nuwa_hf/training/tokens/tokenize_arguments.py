# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `nuwa-hf tokenize`."""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

from nuwa_hf.argument_types import check_types
from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS
from nuwa_hf.datasets.random_crops import RandomCrops
from nuwa_hf.media.frame_sampling import check_frame_rate
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.storage.find_checkpoint import find_checkpoint, find_codecs
from nuwa_hf.training.run.run_arguments import argument, require


OF_DRAWN_CLIPS = ("sprites", "split", "num_clips")
OF_EMOJI_MOTION = ("setting", *OF_DRAWN_CLIPS)
OF_DATASETS = (
    *("dataset_split", "streaming", "caption_column", "caption_source", "media_column", "sketch_column"),
    *("num_frames", "frame_rate", "clips_per_video", "stride", "starts"),
    *("crops_per_clip", "crop_scale", "max_skipped_share"),
)


@dataclass(kw_only=True)
class TokenizeArguments:
    """The arguments of `nuwa-hf tokenize`, which encodes EmojiMotion's clips or those of `dataset`.

    Raises:
        ValueError: If a value breaks its rule.
        TypeError: If a value has the wrong type.
    """

    output_dir: str = argument(help="Folder of the token files, or a URL such as s3://bucket/tokens.")
    checkpoint: str | None = argument(
        None, help="A whole pipeline, a folder or Hub id, or 'embedded': what of codecs and tokenizer is not named."
    )
    vqgan: str | None = argument(None, help="The VQ-GAN, or a pipeline that has it: a folder, a Hub id or 'embedded'.")
    tokenizer: str | None = argument(None, help="The text tokenizer, likewise.")
    sketch_vqgan: str | None = argument(None, help="The sketch VQ-GAN, likewise, to tokenise sketches too.")
    setting: Literal["small", "small-128", "large"] = argument(
        "small-128", help="EmojiMotion setting whose clips are tokenised."
    )
    sprites: Literal["noto", "shapes"] = argument(
        "noto", help="'noto' emoji, or 'shapes' drawn without a font; of Moving MNIST, drawn digits."
    )
    split: Literal["train", "val", "zeroshot"] = argument("train", help="Split of EmojiMotion or Moving MNIST.")
    num_clips: int = argument(40000, help="How many clips of EmojiMotion or Moving MNIST, from the first on.")
    seed: int = argument(0, help="Seed of EmojiMotion or Moving MNIST, or of random starts and crops.")
    dataset: str | None = argument(
        None, help="Folder, file, URL or Hub id of images or clips, or 'moving-mnist', not EmojiMotion."
    )
    dataset_split: str = argument("train", help="Split of the dataset.")
    streaming: bool = argument(False, help="Read the dataset's rows one after another, without preparing them first.")
    caption_column: str | None = argument(None, help="Column of captions; by default the one called so.")
    caption_source: Literal["auto", "folder", "none"] = argument(
        "auto", help="Captions from a column ('auto'), from the names of sub-folders ('folder'), or 'none'."
    )
    media_column: str | None = argument(None, help="Column of images or clips; by default the only one.")
    sketch_column: str | None = argument(
        None, help="Column of class maps; by default 'sketch'. With `checkpoint`: none, unless it is named."
    )
    num_frames: int | None = argument(
        None, help="Frames of a sample of the dataset, 1 for still images; by default those of `checkpoint`, else 10."
    )
    frame_rate: float | None = argument(
        None, help="Frames for each second of a clip of the dataset; by default those of `checkpoint`, else 2.5."
    )
    clips_per_video: int | None = argument(
        None, help="Samples of a long clip, at most; by default 1, or, with `stride`, as many as fit."
    )
    stride: float | None = argument(
        None, help="Seconds from the start of one sample of a clip to that of the next; by default spread over it."
    )
    starts: Literal["even", "random"] = argument("even", help="Where samples of a clip start.")
    crops_per_clip: int = argument(
        1, help="Samples of each clip: the middle of its frames, then random parts of them, against learning by heart."
    )
    crop_scale: float = argument(0.8, help="Least width of such a part, as a share of the largest that fits.")
    max_skipped_share: float = argument(0.05, help="Share of the dataset's clips that may be unusable.")
    engine: Literal["local", "ray"] = argument(
        "local", help="'local': this machine. 'ray': all machines of a cluster of Ray, with `nuwa_hf[ray]`."
    )
    num_proc: int | None = argument(
        None,
        help="Processes that read clips and run the codecs; by default 1, or with Ray one for each CPU, or each GPU "
        "with 'cuda', of the cluster.",
    )
    clips_per_shard: int | None = argument(
        None, help="Clips of one token file, by default 2048, whatever number of samples they give."
    )
    device: str = argument("cpu", help="Where the codecs run; with 'cuda' processes take the GPUs in turn.")

    def __post_init__(self):
        hints = get_type_hints(type(self))
        choices = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
        check_types(vars(self), {name: hint for name, hint in hints.items() if name not in choices}, "see --help")
        for name, allowed in choices.items():
            value = getattr(self, name)
            is_one = isinstance(value, str) and value in allowed
            require(is_one, name, f"one of {list(allowed)}", value, "choose one of these")
        require(self.num_clips > 0, "num_clips", "at least 1", self.num_clips, "the default is 40000")
        require(self.seed >= 0, "seed", "at least 0", self.seed, "use for example 0")
        frames = self.num_frames
        require(frames is None or frames > 0, "num_frames", "at least 1", frames, "the paper's is 10")
        processes = self.num_proc
        require(processes is None or processes > 0, "num_proc", "at least 1", processes, "the default is 1")
        is_known = self.engine == "local" or self.device in ("cpu", "cuda")
        require(is_known, "device", "'cpu' or 'cuda' with Ray, which numbers GPUs itself", self.device, "use 'cuda'")
        rate, share, clips = self.frame_rate, self.max_skipped_share, self.clips_per_shard
        if rate is not None:
            check_frame_rate(rate)
        require(0 <= share <= 1, "max_skipped_share", "a share from 0 to 1", share, "the default is 0.05")
        require(clips is None or clips > 0, "clips_per_shard", "at least 1", clips, "the default is 2048")
        defaults = {entry.name: entry.default for entry in fields(self)}
        others = OF_EMOJI_MOTION
        if self.dataset is None:
            others = OF_DATASETS
        elif self.is_moving_mnist:
            others = ("setting", *OF_DATASETS, "sketch_vqgan")
        for name in others:
            value = getattr(self, name)
            whose = "left out without `dataset`" if self.dataset is None else f"left out with `dataset` {self.dataset}"
            require(value == defaults[name], name, whose, value, "see --help")
        windows, crops = self.windows(), self.crops()  # check their values
        is_random = windows.starts == "random" or not crops.is_middle_only
        has_seed = self.dataset is None or self.is_moving_mnist or is_random or self.seed == 0
        require(
            has_seed, "seed", "left out with `dataset`, but for random `starts` and crops", self.seed, "see --help"
        )
        is_scaled = not crops.is_middle_only or crops.crop_scale == defaults["crop_scale"]
        rule = "left out with `crops_per_clip` 1, the middle alone"
        require(is_scaled, "crop_scale", rule, crops.crop_scale, "give more of those")
        parts = [name for name in ("vqgan", "tokenizer", "sketch_vqgan") if getattr(self, name) is not None]
        if self.checkpoint is not None:
            return
        for name in ("vqgan", "tokenizer"):
            require(name in parts, name, "given without `checkpoint`", None, "name it")
        has_column_alone = self.sketch_column is not None and self.sketch_vqgan is None
        remedy = "give that too"
        require(not has_column_alone, "sketch_column", "left out without `sketch_vqgan`", self.sketch_column, remedy)

    @property
    def is_moving_mnist(self) -> bool:
        """Whether the clips are Moving MNIST's."""
        return self.dataset in DIGIT_COUNTS

    def clip_rate(self) -> float:
        """Frames for each second of a clip of the dataset: as given, else as `checkpoint` learnt, else the paper's."""
        return self._learnt().frame_rate if self.frame_rate is None else self.frame_rate

    def clip_frames(self) -> int:
        """Frames of a sample of the dataset: as given, else as `checkpoint` learnt, else the paper's."""
        return self._learnt().get_visual_grid().t if self.num_frames is None else self.num_frames

    def windows(self) -> ClipWindows:
        """Which parts of a clip of the dataset become samples.

        Raises:
            ValueError: If a number is out of range.
        """
        return ClipWindows(self.clips_per_video, self.stride, self.starts, self.seed if self.dataset else 0)

    def crops(self) -> RandomCrops:
        """Which parts of the frames of the dataset become samples.

        Raises:
            ValueError: If a number is out of range.
        """
        return RandomCrops(self.crops_per_clip, self.crop_scale, self.seed if self.dataset else 0)

    def _learnt(self) -> NuwaConfig:
        if self.checkpoint is None:
            return NuwaConfig()
        return NuwaConfig.from_pretrained(find_checkpoint(self.checkpoint), subfolder="transformer")

    def codec_folders(self) -> dict[str, str | None]:
        """The folders of `vqgan`, `tokenizer` and `sketch_vqgan`; None if sketches are not encoded.

        Raises:
            OSError: If `checkpoint` lacks one.
            ValueError: If `sketch_column` is given and `checkpoint` has no codec of sketches.
        """
        parts = {"vqgan": self.vqgan, "tokenizer": self.tokenizer, "sketch_vqgan": self.sketch_vqgan}
        found = find_codecs(self.checkpoint, **parts)
        if self.checkpoint is None:
            return found
        if self.dataset is not None and self.sketch_column is None and self.sketch_vqgan is None:
            return {**found, "sketch_vqgan": None}
        has_codec = found["sketch_vqgan"] is not None or self.sketch_column is None
        rule, remedy = "left out with a checkpoint without a codec of sketches", "or give another checkpoint"
        require(has_codec, "sketch_column", rule, self.sketch_column, remedy)
        return found
