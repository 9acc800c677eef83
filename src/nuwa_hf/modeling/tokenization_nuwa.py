# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The text tokenizer: lower-cased byte-pair encoding, with a token of its own for the constant "None" condition."""

import os
import string
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.tokenization_auto import get_tokenizer_config
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from nuwa_hf.modeling.further_merges import learn_further, parts_of_tokens
from nuwa_hf.standalone.saving import saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.find_checkpoint import with_settings
from nuwa_hf.storage.local_checkpoint import check_json_files, is_local_path
from nuwa_hf.storage.saved_models import saves_whole


# The order is the id: <pad> = 0, <unk> = 1, <bos> = 2, <eos> = 3, <none> = 4.
SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>", "<none>")
SETTINGS_FILES = ("tokenizer_config.json", "tokenizer.json")
SPACE_MARK = "▁"
# Always in the vocabulary, so that no plain ASCII text ever meets <unk>.
BASE_ALPHABET = [SPACE_MARK, *string.ascii_lowercase, *string.digits, *string.punctuation]
SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + len(BASE_ALPHABET)
NOT_FOUND = "instantiate the backend tokenizer"  # in what transformers says where there are no files of one
# A fast tokenizer keeps truncation and padding as its state, and pipelines of several threads may share one.
TOKENIZING = threading.RLock()


class NoTokenizerError(OSError, ValueError):
    """There is no tokenizer at a place: transformers raises a `ValueError` here."""


@saves_standalone
class NuwaTokenizer(PreTrainedTokenizerFast):
    """Lower-cased BPE over words, `<bos> text <eos>`, at most 77 tokens (NUWA, section "3D Data Representation").

    Text is normalised to Unicode form NFKC and lower-cased, and each run of white space becomes one space. A mark at
    the start of each word preserves the spaces, so `decode` returns this normalised text. Characters that were not
    seen in training become `<unk>`.

    `<none>` is the constant condition for training without text. Only code can use it, through `none_token_id`: the
    letters `<none>` (or `<pad>`, `<eos>`, ...) in a user's text are read as plain letters.

    Make one with [`NuwaTokenizer.train`] or [`NuwaTokenizer.from_pretrained`].

    Example:
        >>> tokenizer = NuwaTokenizer.train(["a red apple rolls to the left"], vocab_size=100)
        >>> tokenizer.decode(tokenizer("A RED apple").input_ids, skip_special_tokens=True)
        'a red apple'
    """

    # No `__init__` here: with one, transformers rebuilds the tokenizer on load and drops the normaliser.
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012 (transformers reads a plain list)
    padding_side = "right"
    save_pretrained = saves_whole(PreTrainedTokenizerFast.save_pretrained)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, *init_inputs: Any, **kwargs: Any
    ) -> Self:
        """Load a tokenizer from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub.
            init_inputs: positional arguments of the tokenizer.
            kwargs: everything that `PreTrainedTokenizerFast.from_pretrained` takes.

        Returns:
            The tokenizer.

        Raises:
            AttributeError: If an argument has the name of a method.
            OSError: If there is no tokenizer, or a file is broken.
        """
        for name in kwargs:
            if callable(getattr(cls, name, None)):
                raise AttributeError(
                    f"`{name}` must not be given here, as it conflicts with the method {name} of {cls.__name__}; give "
                    "it to a call of the tokenizer."
                )
        if is_local_path(pretrained_model_name_or_path):
            check_json_files(Path(pretrained_model_name_or_path, kwargs.get("subfolder") or ""))
        with naming_what_is_broken(pretrained_model_name_or_path):
            kwargs = with_settings(pretrained_model_name_or_path, SETTINGS_FILES, kwargs)
            try:
                return super().from_pretrained(pretrained_model_name_or_path, *init_inputs, **kwargs)
            except ValueError as error:
                if NOT_FOUND not in str(error):
                    raise
                place = "/".join(filter(None, (os.fspath(pretrained_model_name_or_path), kwargs.get("subfolder"))))
                raise NoTokenizerError(
                    f"No tokenizer: {place} has no tokenizer.json; give the folder or the repository that it was "
                    "saved to, or the `subfolder` where it lies."
                ) from error

    def _save_pretrained(self, *args: Any, **kwargs: Any) -> tuple[str, ...]:
        with TOKENIZING:
            forget_last_call(self)
            return super()._save_pretrained(*args, **kwargs)

    @property
    def none_token_id(self) -> int:
        """Id of `<none>`, the token that stands for the constant "None" condition."""
        return self.convert_tokens_to_ids("<none>")

    @classmethod
    def train(cls, iterator: Iterable[str], vocab_size: int = 49408) -> "NuwaTokenizer":
        """Learn the merges from captions; the same captions give the same tokenizer.

        Args:
            iterator (`Iterable[str]`): captions, one string each.
            vocab_size (`int`, *optional*, defaults to 49408): the largest vocabulary, special tokens included. If the
                captions have fewer pairs to merge, the vocabulary is smaller.

        Returns:
            `NuwaTokenizer`: ready to use and to save.

        Raises:
            TypeError: If `iterator` is a single string, or yields anything but strings.
            ValueError: If `vocab_size` cannot hold the special tokens and every character of the captions.
        """
        if vocab_size < SMALLEST_VOCABULARY:
            raise ValueError(
                f"`vocab_size` must be at least {SMALLEST_VOCABULARY} (special tokens and ASCII characters), got "
                f"{vocab_size}; give more."
            )
        backend = _untrained_backend()
        trainer = BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=BASE_ALPHABET,
            show_progress=False,
        )
        backend.train_from_iterator(_checked(iterator), trainer)
        if backend.get_vocab_size() > vocab_size:
            raise ValueError(
                f"`vocab_size` must hold every character of the captions, got {vocab_size}; "
                f"use at least {backend.get_vocab_size()}, or captions with fewer kinds of characters."
            )
        return cls._of(backend)

    def extend(self, iterator: Iterable[str], vocab_size: int = 49408) -> "NuwaTokenizer":
        """Go on learning where this tokenizer stopped, so that words it cuts into letters become whole tokens.

        Its tokens keep their ids: a transformer that knows them needs embeddings of the new ones only.

        Args:
            iterator (`Iterable[str]`): captions, one string each.
            vocab_size (`int`, *optional*, defaults to 49408): the largest vocabulary, with the tokens that are there.

        Returns:
            `NuwaTokenizer`: another one; this one is not changed.

        Raises:
            TypeError: If `iterator` is a single string, or yields anything but strings.
            ValueError: If `vocab_size` cannot hold the tokens that are there and every character of the captions, or
                `add_tokens` has added tokens, whose ids the new ones would take.
        """
        if len(self) > self.vocab_size:
            ids = self.get_added_vocab()
            raise ValueError(
                "`extend` must come before `add_tokens`, got a tokenizer with the added token "
                f"{max(ids, key=ids.get)!r}, whose id a new one would take; extend the tokenizer without its added "
                "tokens, then add them."
            )
        return self._of(learn_further(self.backend_tokenizer, _checked(iterator), vocab_size))

    def parts_of_tokens(self) -> dict[int, tuple[int, int]]:
        """The ids of the two tokens that each merged token was made from, by its id."""
        return parts_of_tokens(self.backend_tokenizer)

    @classmethod
    def _of(cls, backend: Tokenizer) -> "NuwaTokenizer":
        return cls(
            tokenizer_object=backend,
            model_max_length=77,
            pad_token="<pad>",
            unk_token="<unk>",
            bos_token="<bos>",
            eos_token="<eos>",
            extra_special_tokens=["<none>"],
            # Text that spells a special token is still text.
            split_special_tokens=True,
        )


def load_text_tokenizer(
    name_or_path: str | os.PathLike, subfolder: str = "", **hub: Any
) -> NuwaTokenizer | CLIPTokenizer:
    """Load a text tokenizer with the class it was saved with: ours, or CLIP's.

    Args:
        name_or_path (`str` or `os.PathLike`): a folder, or the id of a repository on the Hub.
        subfolder (`str`, defaults to `""`): the tokenizer's folder in it.
        hub: `revision`, `token`, `cache_dir` and others, for the Hub.

    Returns:
        `NuwaTokenizer` or `CLIPTokenizer`: CLIP's if tokenizer_config.json names that, otherwise ours.

    Raises:
        OSError: If there is no tokenizer.
        ValueError: If it is of another kind, without our token of no text.
    """
    with naming_what_is_broken(name_or_path):
        given = with_settings(name_or_path, SETTINGS_FILES, {**hub, "subfolder": subfolder})
        config = get_tokenizer_config(name_or_path, **given)
    saved = config.get("tokenizer_class") or ""
    # Older versions of transformers also had a `CLIPTokenizerFast`.
    cls = CLIPTokenizer if saved.startswith("CLIPTokenizer") else NuwaTokenizer
    try:
        with naming_what_is_broken(name_or_path):
            tokenizer = cls.from_pretrained(name_or_path, **given)
    except ValueError as error:
        if config:
            raise
        raise OSError(
            f"`tokenizer` must be a folder or a Hub id with a text tokenizer, got {str(name_or_path)!r}, where none "
            "is found; train one with `nuwa-hf train-tokenizer`, or give 'embedded'."
        ) from error
    if cls is NuwaTokenizer and "<none>" not in tokenizer.get_vocab():
        raise ValueError(
            "`tokenizer` must be a NuwaTokenizer, with a token <none> for no text, or CLIP's, got "
            f"{saved or 'another'} in {str(name_or_path)!r}; train one with `nuwa-hf train-tokenizer`, or take CLIP's "
            "with its transformer."
        )
    return tokenizer


def forget_last_call(tokenizer: NuwaTokenizer | CLIPTokenizer) -> None:
    """Take the truncation and padding of the last call out of a tokenizer, which would save them. Each call sets both.

    Args:
        tokenizer (`NuwaTokenizer` or `CLIPTokenizer`): changed in place.
    """
    with TOKENIZING:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()


def _untrained_backend() -> Tokenizer:
    """An empty BPE model with its normaliser, pre-tokenizer, template and decoder."""
    backend = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            # `decode` would return a typed space mark as a space anyway, so make it one from the start.
            normalizers.Replace(Regex(rf"[\s{SPACE_MARK}]+"), " "),
            normalizers.Strip(),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement=SPACE_MARK, prepend_scheme="always"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    backend.decoder = decoders.Metaspace(replacement=SPACE_MARK, prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>",
        pair="<bos> $A $B <eos>",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in ("<bos>", "<eos>")],
    )
    return backend


def _checked(captions: Iterable[str]) -> Iterator[str]:
    """Yield the captions, after checking that each is a string."""
    if isinstance(captions, str):
        raise TypeError("`iterator` must yield captions, got one string; pass a list of strings.")
    for caption in captions:
        if not isinstance(caption, str):
            raise TypeError(f"`iterator` must yield strings, got {type(caption).__name__}.")
        yield caption
