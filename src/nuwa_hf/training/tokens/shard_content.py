# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is known of a shard of token files besides its tokens."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from nuwa_hf.argument_types import check_types
from nuwa_hf.training.tokens.caption_tokens import CaptionLosses
from nuwa_hf.training.tokens.clip_tokens import SkippedClip, TokenizedRows
from nuwa_hf.training.tokens.used_codes import in_either, used_codes


NOT_PLAIN = ("skipped", "captions")  # which are looked at by themselves


@dataclass
class ShardContent:
    """What is known of a shard, or of a part of one.

    Args:
        num_rows (`int`): rows of the data set that it stands for.
        num_clips (`int`): clips in it; less where rows were skipped, more where a row gives several windows.
        skipped (`list[SkippedClip]`): the rows that could not be used.
        captions (`CaptionLosses`): what the tokenizer lost of its captions.
        used_codes (`int`, *optional*): the visual codes that its clips use, as `used_codes` gives them; None where
            they are not known, as of shards of earlier versions.
    """

    num_rows: int = 0
    num_clips: int = 0
    skipped: list[SkippedClip] = field(default_factory=list)
    captions: CaptionLosses = field(default_factory=CaptionLosses)
    used_codes: int | None = 0

    @classmethod
    def from_info(cls, info: dict[str, Any]) -> "ShardContent":
        """From what `to_info` gave; shards of earlier versions have one clip a row and do not count captions.

        Raises:
            ValueError: If it gave no such thing.
        """
        try:
            skipped = [SkippedClip(**clip) for clip in info["skipped"]]
            num_clips = info.get("num_clips", info["num_rows"] - len(skipped))
            captions, codes = CaptionLosses.from_dict(info.get("captions", {})), info.get("used_codes")
            codes = None if codes is None else int(codes, 16)
            content = cls(info["num_rows"], num_clips, skipped, captions, codes)
            for one in (content, content.captions, *skipped):
                plain = {name: hint for name, hint in get_type_hints(type(one)).items() if name not in NOT_PLAIN}
                check_types(vars(one), plain, "write it anew")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"does not say what it holds ({error})") from error
        if min(content.num_rows, content.num_clips, content.used_codes or 0) < 0:
            raise ValueError("says that it holds less than nothing")
        return content

    @classmethod
    def of(cls, part: TokenizedRows) -> "ShardContent":
        """Of a batch of rows."""
        num_clips, codes = 0, 0
        if part.tokens is not None:
            num_clips, codes = len(part.tokens), used_codes(part.tokens.video_tokens)
        return cls(part.num_rows, num_clips, list(part.skipped), part.captions, codes)

    @classmethod
    def together(cls, parts: "Iterable[ShardContent]") -> "ShardContent":
        """Of several parts, in their order."""
        whole = cls()
        for part in parts:
            whole.add(part)
        return whole

    def to_info(self) -> dict[str, Any]:
        """As JSON can store it."""
        skipped = [vars(clip) for clip in self.skipped]
        codes = None if self.used_codes is None else hex(self.used_codes)
        return {**vars(self), "skipped": skipped, "captions": vars(self.captions), "used_codes": codes}

    def add(self, part: "ShardContent") -> None:
        """Count what comes next too."""
        self.num_rows += part.num_rows
        self.num_clips += part.num_clips
        self.skipped.extend(part.skipped)
        self.captions += part.captions
        self.used_codes = in_either(self.used_codes, part.used_codes)
