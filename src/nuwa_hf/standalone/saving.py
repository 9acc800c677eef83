# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`save_pretrained(..., standalone=True)` for our classes, and how those of diffusers read what it wrote."""

import os
from functools import wraps
from inspect import Parameter, cleandoc, signature
from pathlib import Path
from typing import Any

from nuwa_hf.standalone.standalone_files import plain_configuration, write_plain, write_standalone


STANDALONE_DOC = """
With `standalone=True` the folder also gets the code that `trust_remote_code=True` needs to load it where nuwa_hf is
not installed. `push_to_hub` is not possible at the same time.
"""


def saves_standalone(cls: type) -> type:
    """Give `save_pretrained` of a class the argument `standalone`; for use as a decorator of the class.

    `register_for_auto_class`, which Auto classes call after `trust_remote_code=True`, does nothing: it would have each
    later save copy a single module of ours, which does not work alone.

    Args:
        cls (`type`): of pipelines, models, codecs, tokenizers or processors; of configurations, which have no code of
            their own to save, for the sake of `register_for_auto_class`.

    Returns:
        `type`: `cls` itself.
    """
    save = cls.save_pretrained
    form = signature(save)

    @wraps(save)
    def save_pretrained(
        self: Any, save_directory: str | os.PathLike, *args: Any, standalone: bool = False, **kwargs: Any
    ) -> Any:
        given = form.bind(self, save_directory, *args, **kwargs).arguments
        given = {**given.get("kwargs", {}), **given}
        if standalone and given.get("push_to_hub"):
            raise ValueError(
                "`standalone` must be False when `push_to_hub` is asked for, got both; save the folder first, then "
                "push it with `nuwa-hf push FOLDER USER/MODEL`."
            )
        written = save(self, save_directory, *args, **kwargs)
        if given.get("is_main_process", True):
            (write_standalone if standalone else write_plain)(Path(save_directory))
        return written

    parameters = list(form.parameters.values())
    place = -1 if parameters[-1].kind is Parameter.VAR_KEYWORD else len(parameters)
    parameters.insert(place, Parameter("standalone", Parameter.KEYWORD_ONLY, default=False, annotation=bool))
    save_pretrained.__signature__ = form.replace(parameters=parameters)
    save_pretrained.__doc__ = f"{cleandoc(save.__doc__)}\n{STANDALONE_DOC}"
    cls.save_pretrained = save_pretrained
    cls.register_for_auto_class = classmethod(_register_for_auto_class)
    return cls


def _register_for_auto_class(cls: type, auto_class: str | None = None) -> None:
    """Does nothing; save with `standalone=True` to write the code."""


class ReadsStandaloneMixin:
    """A class of diffusers that reads folders with code as those without: it is the code, so no trust is needed."""

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike) -> dict[str, Any]:
        return plain_configuration(super()._dict_from_json_file(json_file))
