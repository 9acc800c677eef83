# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The lines of a file of prompts, read before anything is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class PromptLines:
    """The lines of a file of prompts, as they stand there.

    Args:
        path (`Path`): the file.
        texts (`dict[int, str]`): number of a line, from 1, to its text; without empty lines.
    """

    path: Path
    texts: dict[int, str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Args:
            path (`Path`): the file.

        Returns:
            `PromptLines`: at least one.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is no text in UTF-8, or empty.
        """
        try:
            whole = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"`prompts` must be a text in UTF-8, got {str(path)!r}: {error}; save it so.") from error
        except OSError as error:
            raise type(error)(
                f"`prompts` must be a file that can be read, got {str(path)!r}: {error.strerror}; check the path."
            ) from error
        if "\0" in whole:
            raise ValueError(
                f"`prompts` must be a text in UTF-8, got {str(path)!r}, which looks like UTF-16; save it so."
            )
        lines = whole.split("\n")  # not splitlines, which cuts at characters that JSON allows in texts
        texts = {number: text for number, text in enumerate(lines, start=1) if text.strip()}
        if not texts:
            raise ValueError(f"`prompts` must have a line for each image or video, got {str(path)!r}, which is empty.")
        return cls(path, texts)
