# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captions as text tokens, and what is lost on the way: captions that are missing, cut, or unknown to the tokenizer.

Legend: B captions, L text length.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer


CAPTIONS_AT_ONCE = 4096  # what the tokenizer says of a caption takes some kilobytes
MOST_NAMED = 3  # clips named in a sentence, and words that are kept
MOST_KEPT = 10_000  # names of clips of one kind in a report
SPELLED = 3  # pieces from which on a word counts as spelled out
# Scripts without spaces between words, as Unicode names their letters: what stands between two spaces is no word.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "HALFWIDTH KATAKANA")
MOST_SPELLED = 0.05  # share of spelled-out words that is worth a word


def none_caption_ids(tokenizer: NuwaTokenizer | CLIPTokenizer) -> list[int]:
    """The tokens of a clip without a caption: those of the constant "None" condition.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer.

    Returns:
        `list[int]`: one special token, or CLIP's empty text.
    """
    return [tokenizer.none_token_id] if isinstance(tokenizer, NuwaTokenizer) else tokenizer("").input_ids


def caption_ids(tokenizer: NuwaTokenizer | CLIPTokenizer, captions: Sequence[str | None]) -> torch.Tensor:
    """Captions as text tokens of one length, cut or padded on the right.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer.
        captions (`Sequence[str | None]`): None for a clip without a caption.

    Returns:
        `torch.IntTensor` of shape `(B, L)`.
    """
    texts = [caption or "" for caption in captions]
    ids = tokenizer(texts, padding="max_length", padding_side="right", truncation=True).input_ids
    none = none_caption_ids(tokenizer)
    none = none + [tokenizer.pad_token_id] * (tokenizer.model_max_length - len(none))
    given = [none if caption is None else row for caption, row in zip(captions, ids, strict=True)]
    return torch.tensor(given, dtype=torch.int32)


def caption_lengths(tokenizer: NuwaTokenizer | CLIPTokenizer, captions: Mapping[int, str | None]) -> dict[int, int]:
    """The length of each caption, uncut, with its first and last token.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer.
        captions (`Mapping[int, str | None]`): row to its caption; None without a caption.

    Returns:
        `dict[int, int]`: row to text tokens, without those that have no caption.
    """
    given = {row: caption for row, caption in captions.items() if caption is not None}
    lengths = []
    for texts in _few_at_once(list(given.values())):
        lengths += map(len, tokenizer(texts, truncation=False, verbose=False).input_ids)
    return dict(zip(given, lengths, strict=True))


@dataclass(frozen=True)
class CaptionLosses:
    """How many captions there are, and how many say less to a model than to a reader.

    Args:
        clips (`int`): clips that were counted.
        without (`int`): those without a caption.
        cut (`int`): captions longer than the tokenizer's longest text.
        partly_unknown (`int`): captions with letters or signs that the tokenizer does not know.
        all_unknown (`int`): captions of which it knows nothing.
        tokens (`int`): text tokens of all captions, uncut, without first and last ones.
        unknown_tokens (`int`): those that stand for something unknown.
        longest (`int`): text tokens of the longest caption, uncut, with its first and last one.
        words (`int`): words of all captions.
        spelled_words (`int`): those that the tokenizer cuts into three pieces or more, of scripts with spaces.
        named_without (`tuple[str, ...]`): names of the clips without a caption; here and below, at most `MOST_KEPT`.
        named_cut (`tuple[str, ...]`): names of the clips whose captions are cut.
        named_unknown (`tuple[str, ...]`): names of the clips whose captions are all or partly unknown.
        named_spelled (`tuple[str, ...]`): the first of the spelled-out words.
    """

    clips: int = 0
    without: int = 0
    cut: int = 0
    partly_unknown: int = 0
    all_unknown: int = 0
    tokens: int = 0
    unknown_tokens: int = 0
    longest: int = 0
    words: int = 0
    spelled_words: int = 0
    named_without: tuple[str, ...] = ()
    named_cut: tuple[str, ...] = ()
    named_unknown: tuple[str, ...] = ()
    named_spelled: tuple[str, ...] = ()

    @property
    def is_spelled(self) -> bool:
        """Whether many words are spelled out, whose meaning is then slow to learn."""
        return self.spelled_words > MOST_SPELLED * self.words

    @property
    def none_known(self) -> str:
        """The rest of a sentence on captions with unknown signs: how many of them have no other signs."""
        return f", of which {self.all_unknown} have no other signs" if self.all_unknown else ""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CaptionLosses":
        """From what `vars` gave, once it has been JSON."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def __add__(self, other: "CaptionLosses") -> "CaptionLosses":
        """Of both together, the names of the first ones first."""
        added = {entry.name: getattr(self, entry.name) + getattr(other, entry.name) for entry in fields(self)}
        named = {name: added[name][:MOST_KEPT] for name in ("named_without", "named_cut", "named_unknown")}
        words = tuple(dict.fromkeys(added["named_spelled"]))[:MOST_NAMED]
        longest = max(self.longest, other.longest)
        return CaptionLosses(**{**added, **named, "named_spelled": words, "longest": longest})

    def to_report(self) -> dict[str, Any]:
        """As JSON can store it for a user. Where no clip has a caption, none is named."""
        return {**vars(self), "named_without": self.named_without if self.without < self.clips else ()}

    def sentences(self, max_tokens: int, command: str | None, *, makes_whole: bool) -> list[str]:
        """What a user should know about them.

        Args:
            max_tokens (`int`): the tokenizer's longest text.
            command (`str`, *optional*): the command that adds to the tokenizer from these captions; None if it takes
                no more words.
            makes_whole (`bool`): whether it would make spelled-out words whole.

        Returns:
            `list[str]`: one sentence for each kind of loss; none if nothing is lost.
        """
        found = []
        if self.without:
            named = f" ({first_names(self.named_without, self.without)})" if self.without < self.clips else ""
            found.append(
                f'{self.without} of {self.clips} clips have no caption{named}; they stand under the condition "None", '
                "from which a model learns to draw without a text."
            )
        if self.cut:
            found.append(
                f"{self.cut} of {self.clips} captions are cut at {max_tokens} tokens (the longest has "
                f"{self.longest}): {first_names(self.named_cut, self.cut)}. Shorten them, or put first what matters."
            )
        unknown = self.partly_unknown + self.all_unknown
        if unknown:
            remedy = f" Add them to the tokenizer with `{command}`, and give it as `--tokenizer`." if command else ""
            found.append(
                f"{unknown} of {self.clips} captions have signs that the tokenizer does not know{self.none_known}: "
                f"{first_names(self.named_unknown, unknown)}.{remedy}"
            )
        if self.is_spelled:
            remedy = ""
            if command and makes_whole:
                remedy = f" Make them whole with `{command}`, and give that tokenizer as `--tokenizer`."
            found.append(
                f"{self.spelled_words} of {self.words} words are cut into {SPELLED} pieces or more "
                f"({first_names(self.named_spelled, self.spelled_words)}); what they mean is slow to learn.{remedy}"
            )
        return found


def caption_losses(
    tokenizer: NuwaTokenizer | CLIPTokenizer, captions: Iterable[tuple[str, str | None]]
) -> CaptionLosses:
    """Count what a tokenizer loses.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): the text tokenizer.
        captions (`Iterable[tuple[str, str | None]]`): the name and the caption of each clip; None without a caption.

    Returns:
        `CaptionLosses`.
    """
    return sum((_losses_of(tokenizer, clips) for clips in _few_at_once(list(captions))), CaptionLosses())


def _losses_of(tokenizer: NuwaTokenizer | CLIPTokenizer, clips: Sequence[tuple[str, str | None]]) -> CaptionLosses:
    given = [(name, caption) for name, caption in clips if caption is not None]
    without = tuple(name for name, caption in clips if caption is None)
    if not given:
        return CaptionLosses(clips=len(clips), without=len(clips), named_without=without)
    inner = tokenizer([caption for _, caption in given], add_special_tokens=False, truncation=False, verbose=False)
    frame = len(tokenizer("").input_ids)  # the first and the last token of every text
    lengths = [len(ids) + frame for ids in inner.input_ids]
    unknown = [ids.count(tokenizer.unk_token_id) for ids in inner.input_ids]
    is_lost = [
        count > 0 and not tokenizer.decode(ids, skip_special_tokens=True).strip()
        for count, ids in zip(unknown, inner.input_ids, strict=True)
    ]
    names = [name for name, _ in given]
    words, spelled = 0, []
    for place, (_, caption) in enumerate(given):
        pieces = Counter(word for word in inner.word_ids(place) if word is not None)
        spans = [inner.word_to_chars(place, word) for word, count in pieces.items() if count >= SPELLED]
        parts = [caption[span.start : span.end].strip().lower() for span in spans]
        spelled += [part for part in parts if not _is_unspaced(part)]
        words += len(pieces)
    cut = [name for name, length in zip(names, lengths, strict=True) if length > tokenizer.model_max_length]
    strange = [name for name, count in zip(names, unknown, strict=True) if count > 0]
    return CaptionLosses(
        clips=len(clips),
        without=len(without),
        cut=len(cut),
        partly_unknown=len(strange) - sum(is_lost),
        all_unknown=sum(is_lost),
        tokens=sum(lengths) - frame * len(given),
        unknown_tokens=sum(unknown),
        longest=max(lengths),
        words=words,
        spelled_words=len(spelled),
        named_without=without,
        named_cut=tuple(cut),
        named_unknown=tuple(strange),
        named_spelled=tuple(dict.fromkeys(spelled))[:MOST_NAMED],
    )


def _is_unspaced(text: str) -> bool:
    return any(unicodedata.name(letter, "").startswith(UNSPACED) for letter in text)


def _few_at_once(captions: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(captions), CAPTIONS_AT_ONCE):
        yield captions[start : start + CAPTIONS_AT_ONCE]


def first_names(names: Sequence[str], count: int) -> str:
    """The first few names of a kind.

    Args:
        names (`Sequence[str]`): names.
        count (`int`): how many there are of that kind, named or not.

    Returns:
        `str`: such as "a.gif, b.gif, c.gif, ...".
    """
    shown = names[:MOST_NAMED]
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
