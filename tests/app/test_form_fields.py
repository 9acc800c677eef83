# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The fields of a form are the options that change what is drawn."""

import pytest

from nuwa_hf.app.form_fields import fields_of
from nuwa_hf.cli.task_commands import TASK_COMMANDS


@pytest.mark.parametrize("name", TASK_COMMANDS)
def test_a_form_has_no_field_for_what_the_app_decides_or_a_shell_reads(name):
    names = {field.name for field in fields_of(TASK_COMMANDS[name])}
    assert {"seed", "temperature"} <= names
    assert not names & {"checkpoint", "contact_sheet", "device", "json", "output"}
