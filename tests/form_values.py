# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a visitor leaves as it is in a form of the app, and what not."""

from typing import Any


def values_of(tab: Any, given: dict[str, Any]) -> list[Any]:
    """The values of a tab's form, in the order in which it takes them.

    Args:
        tab (`TaskTab`): the tab.
        given (`dict[str, Any]`): what is filled in, by the name of the value; the rest has its default.

    Returns:
        `list`: a value for each input.
    """
    defaults = {key: getattr(component, "value", None) for key, component in tab.form.inputs.items()}
    assert given.keys() <= defaults.keys()
    return list({**defaults, **given}.values())
