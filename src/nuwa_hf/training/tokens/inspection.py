# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is known of a data set before it is tokenised, as text and as JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import PIL.Image

from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.left_out import LeftOut, left_out_summary
from nuwa_hf.datasets.media_census import MediaCensus
from nuwa_hf.shell_words import shell_line
from nuwa_hf.training.run.next_commands import PART, data_flags, image_flags
from nuwa_hf.training.tokens.caption_tokens import CaptionLosses, first_names
from nuwa_hf.training.tokens.codec_judgement import LOW_PSNR, CodecJudgement


MOST_SHOWN = 4  # sizes, rates and files of a line
MOST_UNKNOWN = 0.2  # share of captions with unknown signs above which the tokenizer should be another
LABEL_WIDTH = 18


@dataclass(frozen=True)
class Inspection:
    """A data set, looked at.

    Args:
        dataset (`str`): as the user named it.
        dataset_split (`str`): which part of it.
        streaming (`bool`): whether its rows are read one after another.
        media_column (`str`, *optional*): its column of images or clips, if the user named it.
        flags (`tuple[str, ...]`): where its clips and captions are, as flags that `nuwa-hf tokenize` takes too.
        codec (`str`): the codec or the checkpoint that it is part of.
        tokenizer (`str`): the tokenizer or the checkpoint that it is part of.
        tokenize_flags (`tuple[str, ...]`): how `nuwa-hf tokenize` is told of codec, tokenizer, frames and samples.
        caption_source (`str`): what the captions are, in words.
        census (`MediaCensus`): its images and clips.
        left_out (`tuple[LeftOut, ...]`): files of a local folder that are no rows.
        captions (`CaptionLosses`): its captions, as the tokenizer reads them.
        caption_lengths (`Mapping[int, int]`): row of a clip to the text tokens of its caption.
        max_tokens (`int`): the tokenizer's longest text.
        adds_words (`bool`): whether words can be added to the tokenizer.
        names_tokenizer (`bool`): whether the user named it: then it has learnt the words that it can learn of these.
        windows (`ClipWindows`): which parts of a clip become samples.
        num_frames (`int`): frames of a sample.
        frame_rate (`float`): frames a second of a sample.
        judgement (`CodecJudgement`, *optional*): what the codec makes of some clips, if any can be used.
        sheet (`PIL.Image.Image`, *optional*): some clips as a picture, if one is wanted and any can be used.
        has_sketches (`bool`, defaults to False): whether it has a column of sketches.
    """

    dataset: str
    dataset_split: str
    streaming: bool
    media_column: str | None
    flags: tuple[str, ...]
    codec: str
    tokenizer: str
    tokenize_flags: tuple[str, ...]
    caption_source: str
    census: MediaCensus
    left_out: tuple[LeftOut, ...]
    captions: CaptionLosses
    caption_lengths: Mapping[int, int]
    max_tokens: int
    adds_words: bool
    names_tokenizer: bool
    windows: ClipWindows
    num_frames: int
    frame_rate: float
    judgement: CodecJudgement | None
    sheet: PIL.Image.Image | None
    has_sketches: bool = False

    @property
    def samples_of_clips(self) -> list[int]:
        """How many samples each clip gives, 0 where it is too short."""
        sampling = {"frame_rate": self.frame_rate, "num_frames": self.num_frames}
        return [clip.count_samples(self.windows, **sampling) for clip in self.census.clips]

    @property
    def too_short(self) -> list[tuple[str, str]]:
        """The clips that are too short for a sample: the name of each, and the rest of a sentence that says why."""
        needed = (self.num_frames - 1) / self.frame_rate
        needs = f"a sample takes more than {needed:.3g} s"
        return [
            (clip.name, f"{'is a still image' if clip.is_still else f'lasts {float(clip.seconds):.3g} s'}, {needs}")
            for clip, samples in zip(self.census.clips, self.samples_of_clips, strict=True)
            if samples == 0
        ]

    def next_command(self) -> str:
        """The command to type next: what stands in the way is mended first."""
        unknown = self.captions.partly_unknown + self.captions.all_unknown
        given = self.captions.clips - self.captions.without
        data = data_flags(self.dataset, self.dataset_split, streaming=self.streaming)
        if self.census.seconds() and not any(self.samples_of_clips):
            return self._with_shorter_samples()
        add_words = ("train-tokenizer", *data, *self.flags, "--tokenizer", self.tokenizer)
        if self.adds_words and unknown > MOST_UNKNOWN * given:
            words = (*add_words, "--output_dir", "runs/tokenizer")
        elif self.judgement is not None and self.judgement.is_low:
            named = {"streaming": self.streaming, "media_column": self.media_column}
            images = image_flags(self.dataset, self.dataset_split, **named)
            words = ("train-vqgan", *images, "--vqgan", self.codec, "--output_dir", "runs/vqgan")
        elif self._makes_words_whole and self.captions.is_spelled:
            words = (*add_words, "--output_dir", "runs/tokenizer")
        else:
            words = ("tokenize", *data, *self.flags, *self.tokenize_flags, "--output_dir", "runs/tokens")
        return shell_line(("nuwa-hf", *words))

    @property
    def _makes_words_whole(self) -> bool:
        return self.adds_words and not self.names_tokenizer

    def _with_shorter_samples(self) -> str:
        """Another look, at a rate at which all the frames of a sample fit into the shortest clip."""
        words = list(self.tokenize_flags)
        if "--frame_rate" in words:
            place = words.index("--frame_rate")
            del words[place : place + 2]
        rate = (self.num_frames - 1) // self.census.seconds()[0] + 1
        part = data_flags(None, self.dataset_split, streaming=self.streaming)
        return shell_line(
            ["nuwa-hf", "inspect", self.dataset, *part, *self.flags, *words, "--frame_rate", f"{rate:g}"]
        )

    def text(self) -> str:
        """All of it in lines with aligned columns."""
        lines = [f"{self.dataset}: {len(self.census.clips) + len(self.census.broken)} rows", ""]
        lines += [f"  {label:<{LABEL_WIDTH}}{words}" for label, words in self._facts() if words]
        return "\n".join([*lines, "", "Next:", f"  {self.next_command()}"])

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can store it."""
        census, samples, judgement = self.census, self.samples_of_clips, self.judgement
        return {
            "dataset": self.dataset,
            "rows": len(census.clips) + len(census.broken),
            "clips": len(census.clips) - census.stills,
            "stills": census.stills,
            "endings": dict(census.endings()),
            "sizes": [{"width": width, "height": height, "clips": n} for (width, height), n in census.sizes().items()],
            "middle_share": census.middle_share(),
            "sketches": self.has_sketches,
            "seconds": _spread(census.seconds()),
            "frame_rates": dict(census.frame_rates()),
            "unreadable": [{"name": name, "reason": reason} for name, reason in census.broken],
            "too_short": [{"name": name, "reason": reason} for name, reason in self.too_short],
            "left_out": [vars(one) for one in self.left_out],
            "captions": {
                "source": self.caption_source,
                "max_tokens": self.max_tokens,
                "lengths": _spread(sorted(self.caption_lengths.values())),
                **self.captions.to_report(),
            },
            "samples": {
                "num_frames": self.num_frames,
                "frame_rate": self.frame_rate,
                "total": sum(samples),
                "clips_too_short": samples.count(0),
            },
            "codec": None if judgement is None else {n: v for n, v in vars(judgement).items() if n != "sheet"},
            "next": self.next_command(),
        }

    def _facts(self) -> list[tuple[str, str]]:
        census, samples = self.census, self.samples_of_clips
        moving = len(census.clips) - census.stills
        endings = _counted(census.endings())
        kinds = [_number(moving, "clip")] * (moving > 0) + [_number(census.stills, "still image")] * (
            census.stills > 0
        )
        files = " and ".join(kinds)
        share = census.middle_share()
        sizes = Counter({f"{width}x{height}": count for (width, height), count in census.sizes().items()})
        return [
            ("files", f"{files}: {endings}"),
            ("unreadable", _reasons(census.broken)),
            ("too short", _reasons(self.too_short)),
            ("left out", left_out_summary(self.left_out)),
            ("width x height", _counted(sizes)),
            ("cropped", f"to the square in the middle, {share:.0%} of the pixels" if share < 0.995 else ""),
            ("seconds", _range(census.seconds())),
            ("frames a second", _counted(census.frame_rates())),
            *self._captions(),
            ("sketches", "in the column sketch; tokenize --sketch_vqgan reads them" if self.has_sketches else ""),
            ("samples", self._samples(samples)),
            ("codec", self._codec()),
        ]

    def _captions(self) -> list[tuple[str, str]]:
        found, given = self.captions, self.captions.clips - self.captions.without
        unknown = found.partly_unknown + found.all_unknown
        missing = f"; none for {first_names(found.named_without, found.without)}" if found.without and given else ""
        lines = [("captions", f"{given} of {found.clips}, {self.caption_source}{missing}")]
        if given:
            lengths = sorted(self.caption_lengths.values())
            spread = f"{lengths[0]} to {lengths[-1]}, half of the captions {median(lengths):g} or more"
            lines.append(
                ("text tokens", f"{spread}, with their first and last one; at most {self.max_tokens} are read")
            )
        if found.cut:
            words = f"{_number(found.cut, 'caption')} of more ({first_names(found.named_cut, found.cut)})"
            lines.append(("cut", words))
        if unknown:
            words = f"in {unknown} of {given} captions{found.none_known}"
            lines.append(("unknown signs", f"{words} ({first_names(found.named_unknown, unknown)})"))
        if found.spelled_words:
            words = f"{found.spelled_words} of {found.words} words, such as {', '.join(found.named_spelled)}"
            remedy = "; train-tokenizer --tokenizer makes them whole" if self._makes_words_whole else ""
            lines.append(("in letters", f"{words}{remedy}"))
        return lines

    def _samples(self, samples: Sequence[int]) -> str:
        what = "images" if self.num_frames == 1 else f"of {self.num_frames} frames at {self.frame_rate:g} a second"
        return f"{sum(samples)} {what}"

    def _codec(self) -> str:
        found = self.judgement
        if found is None:
            return ""
        these = f"{PART}, some of these files" if self.streaming else "these"
        verdict = f"too low, below {LOW_PSNR:g}: train it on {these}" if found.is_low else "good enough"
        return (
            f"{self.codec} draws {found.clips} of them at {found.psnr:.1f} dB (the worst, {found.worst}, at "
            f"{found.worst_psnr:.1f}): {verdict}"
        )


def _number(count: int, word: str) -> str:
    return f"{count} {word}" + "s" * (count != 1)


def _reasons(skipped: Sequence[tuple[str, str]]) -> str:
    """How many files are skipped, and the first of them with the reason of each."""
    shown = "; ".join(f"{name} {reason}" for name, reason in skipped[:MOST_SHOWN])
    more = f"; {len(skipped) - MOST_SHOWN} more, which --json names" if len(skipped) > MOST_SHOWN else ""
    return f"{len(skipped)}: {shown}{more}" if skipped else ""


def _counted(counts: Counter[str]) -> str:
    shown = counts.most_common(MOST_SHOWN)
    if len(counts) == 1:
        return shown[0][0]
    rest = sum(counts.values()) - sum(count for _, count in shown)
    return ", ".join(f"{name} ({count})" for name, count in shown) + (f", others ({rest})" if rest else "")


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{values[0]:.4g} to {values[-1]:.4g}, half of the clips {median(values):.4g} or longer"


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    return None if not values else {"shortest": values[0], "median": median(values), "longest": values[-1]}
