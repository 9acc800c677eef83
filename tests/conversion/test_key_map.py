# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.conversion.key_map import apply_key_map, expand_levels, invert_key_map, rename, shapes_of


KEY_MAP = {
    "in.*": "first.*",
    "level.{i}.block.{j}.skip.*": "levels.{i}.parts.{j}.shortcut.*",
    "level.{i}.block.{j}.*": "levels.{i}.parts.{j}.*",
    "exact": "other",
    "loss.*": None,
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("in.weight", "first.weight"),
        ("level.10.block.2.conv.bias", "levels.10.parts.2.conv.bias"),
        ("level.1.block.2.skip.bias", "levels.1.parts.2.shortcut.bias"),
        ("exact", "other"),
        ("loss.anything.at.all", None),
    ],
)
def test_first_entry_that_fits_gives_the_name(old, new):
    assert rename(old, KEY_MAP) == new
    if new is not None:
        assert rename(new, invert_key_map(KEY_MAP)) == old


@pytest.mark.parametrize("name", ["exact.weight", "inxweight", "level.a.block.0.x", "a.in.weight"])
def test_name_that_no_entry_fits_is_an_error(name):
    with pytest.raises(KeyError):
        rename(name, KEY_MAP)


def test_levels_counted_from_the_last_are_written_out():
    expanded = expand_levels({"up.{i}.{j}.*": "ups.{-i}.{j}.*", "a": None}, 3)
    assert expanded == {
        "up.0.{j}.*": "ups.2.{j}.*",
        "up.1.{j}.*": "ups.1.{j}.*",
        "up.2.{j}.*": "ups.0.{j}.*",
        "a": None,
    }


def test_all_problems_are_named_at_once():
    source = {"in.weight": torch.zeros(2), "unknown": torch.zeros(1), "in.extra": torch.zeros(1)}
    expected = {"first.weight": torch.Size([3]), "other": torch.Size([1])}
    with pytest.raises(ValueError, match="unknown") as raised:
        apply_key_map(source, KEY_MAP, expected)
    for part in ("'unknown'", "'first.extra'", "'other' is missing", "'in.weight' must have the shape (3,), got (2,)"):
        assert part in str(raised.value)


def test_two_tensors_of_one_name_are_an_error():
    source = {"a": torch.zeros(1), "b": torch.zeros(1)}
    with pytest.raises(ValueError, match="both"):
        apply_key_map(source, {"a": "c", "b": "c"}, {"c": torch.Size([1])})


@pytest.mark.parametrize(("given", "expected"), [((2, 3, 1, 1), (2, 3)), ((2, 3), (2, 3, 1, 1)), ((2, 3), (2, 3))])
def test_kernels_of_one_place_and_matrices_are_the_same_weights(given, expected):
    tensor = torch.randn(given)
    (result,) = apply_key_map({"a": tensor}, {"a": "a"}, {"a": torch.Size(expected)}).values()
    assert result.shape == expected
    assert torch.equal(result.flatten(), tensor.flatten())


@pytest.mark.parametrize(
    ("given", "expected"), [((3, 2), (2, 3)), ((6,), (2, 3)), ((2, 3, 1), (2, 3)), ((1, 2), (2,))]
)
def test_no_other_shape_is_changed(given, expected):
    with pytest.raises(ValueError, match="shape"):
        apply_key_map({"a": torch.zeros(given)}, {"a": "a"}, {"a": torch.Size(expected)})


def test_dtype_is_that_of_floats_only_and_memory_is_shared_without_it():
    source = {"a": torch.ones(2), "b": torch.ones(2, dtype=torch.long)}
    half = apply_key_map(source, {"*": "*"}, shapes_of(source), dtype=torch.float16)
    assert [half["a"].dtype, half["b"].dtype] == [torch.float16, torch.long]
    same = apply_key_map(source, {"*": "*"}, shapes_of(source))
    assert same["a"].data_ptr() == source["a"].data_ptr()


def test_tensors_that_share_memory_are_parted():
    tensor = torch.ones(2)
    result = apply_key_map({"a": tensor, "b": tensor}, {"*": "*"}, {"a": tensor.shape, "b": tensor.shape})
    assert result["a"].data_ptr() != result["b"].data_ptr()
