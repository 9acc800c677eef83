# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a user should know of token files: how well the codec draws the clips, and what of the data set is lost."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuwa_hf.datasets.left_out import LeftOut
from nuwa_hf.media import write_png
from nuwa_hf.media.whole_files import written_aside
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.shell_words import shell_line
from nuwa_hf.training.run.next_commands import PART, data_flags, image_flags
from nuwa_hf.training.tokens.clip_tokens import Encoders
from nuwa_hf.training.tokens.codec_judgement import LOW_PSNR, CodecJudgement
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.token_folder import TokenFolder
from nuwa_hf.training.tokens.token_shards import SKIPPED_NAME
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


logger = logging.getLogger(__name__)

REPORT_NAME = "report.json"
SHEET_NAME = "codec.png"


@dataclass(frozen=True)
class TokenReport:
    """Writes `report.json` and `codec.png` beside the token files, and says in words what a user should know.

    Both are a function of the data set and the arguments: the same after a stop, and for any number of processes.

    Args:
        folder (`TokenFolder`): of the token files.
        arguments (`TokenizeArguments`): the command's.
        codebook_size (`int`): codes that the codec has.
        max_tokens (`int`): the tokenizer's longest text.
        adds_words (`bool`): whether words can be added to the tokenizer.
        judgement (`CodecJudgement`, *optional*): what the codec makes of some clips, if any can be read.
        left_out (`tuple[LeftOut, ...]`): files of a local folder that are no rows.
    """

    folder: TokenFolder
    arguments: TokenizeArguments
    codebook_size: int
    max_tokens: int
    adds_words: bool
    judgement: CodecJudgement | None
    left_out: tuple[LeftOut, ...]

    @classmethod
    def begin(
        cls,
        folder: TokenFolder,
        arguments: TokenizeArguments,
        encoders: Encoders,
        judgement: CodecJudgement | None,
        left_out: Sequence[LeftOut],
    ) -> "TokenReport":
        """Write the sheet and warn of a codec that draws the clips badly, before hours are spent on them.

        Args:
            folder (`TokenFolder`): of the token files.
            arguments (`TokenizeArguments`): the command's.
            encoders (`Encoders`): the codec and the tokenizer.
            judgement (`CodecJudgement`, *optional*): what the codec makes of some clips.
            left_out (`Sequence[LeftOut]`): files of a local folder that are no rows.

        Returns:
            `TokenReport`.

        Raises:
            OSError: If the sheet cannot be written.
        """
        dataset, split = arguments.dataset, arguments.dataset_split
        tokenizer = encoders.tokenizer
        sizes = (as_codec(encoders.vqgan).codebook_size, tokenizer.model_max_length)
        if judgement is not None:
            with folder.filled() as local:
                write_png(judgement.sheet, local / SHEET_NAME)
            named = {"streaming": arguments.streaming, "media_column": arguments.media_column}
            data = image_flags(dataset, split, **named)
            warning = low_psnr_warning(judgement, data, arguments.vqgan or arguments.checkpoint)
            if warning is not None:
                logger.warning("%s See %s.", warning, folder.path(SHEET_NAME))
        adds_words = isinstance(tokenizer, NuwaTokenizer)
        return cls(folder, arguments, *sizes, adds_words, judgement, tuple(left_out))

    def finish(self, content: ShardContent) -> None:
        """Write the report and say it in words.

        Args:
            content (`ShardContent`): what the shards hold.

        Raises:
            OSError: If the report cannot be written.
            ValueError: If a shard holds a token that the codec does not have.
        """
        num_used = self._count_used(content)
        codec = {"used_codes": num_used, "codebook_size": self.codebook_size}
        if self.judgement is not None:
            codec |= {name: value for name, value in vars(self.judgement).items() if name != "sheet"}
        report = {
            "num_rows": content.num_rows,
            "num_clips": content.num_clips,
            "skipped": len(content.skipped),
            "left_out": [vars(one) for one in self.left_out],
            "captions": content.captions.to_report(),
            "codec": codec,
        }
        with self.folder.filled() as local, written_aside(local / REPORT_NAME) as aside:
            aside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        drawn = "" if self.judgement is None else f"; the codec draws them at {self.judgement.psnr:.1f} dB"
        share = num_used / self.codebook_size
        logger.info(
            "%d samples of %d clips in %s%s, with %d of its %d codes (%.0f %%).",
            *(content.num_clips, content.num_rows - len(content.skipped), self.folder, drawn),
            *(num_used, self.codebook_size, 100 * share),
        )
        self._say_losses(content)

    def _count_used(self, content: ShardContent) -> int:
        """How many of the codec's codes are used. Tokens are read only where the shards do not say it."""
        if content.used_codes is not None:
            self._check_codes(0, content.used_codes.bit_length() - 1)
            return content.used_codes.bit_count()
        is_used = np.zeros(self.codebook_size, dtype=bool)
        for tokens in self.folder.read_video_tokens():
            if tokens.numel():
                self._check_codes(*(int(bound) for bound in tokens.aminmax()))
                is_used[tokens.numpy()] = True
        return int(is_used.sum())

    def _check_codes(self, smallest: int, largest: int) -> None:
        if smallest < 0 or largest >= self.codebook_size:
            raise ValueError(
                f"`output_dir` must hold tokens of the given codec, from 0 to {self.codebook_size - 1}, got "
                f"others up to {largest} in {str(self.folder)!r}; write them anew, into another folder."
            )

    def _say_losses(self, content: ShardContent) -> None:
        if content.skipped:
            where = self.folder.path(SKIPPED_NAME)
            logger.warning("%d of %d clips are left out; %s says why.", len(content.skipped), content.num_rows, where)
        if self.left_out:  # named in the log when the data set was opened
            where = self.folder.path(REPORT_NAME)
            logger.warning(
                "Files and rows of the data set that are no samples: %d; %s says why.", len(self.left_out), where
            )
        arguments = self.arguments
        source = None if arguments.caption_source == "auto" else arguments.caption_source
        captions = {"caption_column": arguments.caption_column, "caption_source": source}
        named = {"streaming": arguments.streaming, "media_column": arguments.media_column, **captions}
        data = data_flags(arguments.dataset, arguments.dataset_split, **named)
        start = ["--tokenizer", arguments.tokenizer or arguments.checkpoint]
        command = shell_line(["nuwa-hf", "train-tokenizer", *data, *start, "--output_dir", "NEW"])
        command = command if self.adds_words else None
        makes_whole = arguments.tokenizer is None  # one that the user named has learnt the words that it can learn
        for sentence in content.captions.sentences(self.max_tokens, command, makes_whole=makes_whole):
            logger.warning("%s", sentence)


def low_psnr_warning(judgement: CodecJudgement, data: Sequence[str], codec: str) -> str | None:
    """What to do about a codec that does not know these pictures.

    Args:
        judgement (`CodecJudgement`): what it makes of them.
        data (`Sequence[str]`): the flags of the data set, as `image_flags` gives them; none for EmojiMotion.
        codec (`str`): the codec or the checkpoint that it is part of.

    Returns:
        `str`, or None if it draws them well enough.
    """
    if not judgement.is_low:
        return None
    them = f"{PART}, some of their files," if PART in data else "them"
    command = shell_line(["nuwa-hf", "train-vqgan", *data, "--vqgan", codec, "--output_dir", "NEW"])
    return (
        f"The codec draws these clips at {judgement.psnr:.1f} dB only, below {LOW_PSNR:g} (the worst, "
        f"{judgement.worst}, at {judgement.worst_psnr:.1f}); a transformer can draw no better. Train the codec on "
        f"{them} first with `{command}`."
    )
