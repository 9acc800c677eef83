# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import re
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from tiny import tiny_config
from transformers import AutoConfig

import nuwa_hf  # noqa: F401 (registers the configuration)
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.field_names import OTHER_NAMES
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_presets_round_trip_through_json(name, tmp_path):
    config = NuwaConfig.from_preset(name)
    config.save_pretrained(tmp_path)
    for loaded in (NuwaConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert type(loaded) is NuwaConfig
        assert {**loaded.to_dict(), "_name_or_path": ""} == config.to_dict()
        assert loaded.get_visual_grid() == config.get_visual_grid()


def test_a_place_without_a_configuration_does_not_give_the_default_one(tmp_path):
    """The folder or the repository of a pipeline, without `subfolder`, gave the paper's sizes; a codec's too."""
    pipeline, commit = tmp_path / "models--user--pipeline", "a" * 40
    for folder in (pipeline / "snapshots" / commit / "vqgan", pipeline / "refs", pipeline / ".no_exist" / commit):
        folder.mkdir(parents=True)
    (pipeline / "refs" / "main").write_text(commit)
    (pipeline / ".no_exist" / commit / "config.json").touch()  # so the cache says that the repository has none
    folder = pipeline / "snapshots" / commit
    (folder / "vqgan" / "config.json").write_text('{"_class_name": "NuwaVQGAN", "codebook_size": 64}')
    cached = {"cache_dir": tmp_path, "local_files_only": True}
    for name, arguments in ((folder, {}), ("user/pipeline", cached), (folder, {"subfolder": "vqgan"})):
        with pytest.raises(OSError, match=r"No transformer: .* has no config.json of one; .*`subfolder`"):
            NuwaConfig.from_pretrained(name, **arguments)


@pytest.mark.parametrize("model", [NuwaConfig, NuwaForConditionalGeneration])
def test_what_is_not_in_the_cache_is_named_where_the_hub_may_not_be_asked(model):
    said = r"^Cannot load 'user/none' from the Hub: it is not in the cache, and HF_HUB_OFFLINE or [^\n]*$"
    with pytest.raises(OSError, match=said):
        model.from_pretrained("user/none")


def test_parameters_of_nuwa_336_are_those_that_the_page_of_deviations_tells():
    config = NuwaConfig.from_preset("nuwa-336")
    with torch.device("meta"):
        model = NuwaForConditionalGeneration(config)
    sides = (model, model.model.decoder.layers, model.model.encoder.layers)
    whole, decoder, encoder = (sum(one.numel() for one in side.parameters()) / 1e6 for side in sides)
    sizes = (config.vocab_size, config.codebook_size, config.sketch_codebook_size)
    text, visual, sketch = (size * config.hidden_size / 1e6 for size in sizes)
    assert round(decoder + encoder) == 865
    told = (
        f"`nuwa-336` has {whole:.0f} M.",
        f"({decoder:.0f} M in the decoder, {encoder:.0f} M in the encoder)",
        f"text tokens ({text:.0f} M;",
        f"visual tokens ({visual:.0f} M), the head over them, which is not tied to the embeddings ({visual:.0f} M)",
        f"sketch tokens ({sketch:.1f} M)",
        f"learnt positions ({whole - decoder - encoder - text - 2 * visual - sketch:.1f} M)",
    )
    page = " ".join((Path(__file__).parents[2] / "docs" / "deviations.md").read_text(encoding="utf-8").split())
    assert [one for one in told if one not in page] == []


def test_a_preset_looks_at_conditions_through_a_window_that_fits_its_grid():
    assert NuwaConfig.from_preset("emoji-motion").condition_window == (11, 5, 5)  # the embedded checkpoint's
    for grid in [(6, 8, 8), (1, 1, 9), (3, 2, 7), (16, 16, 12), (9, 32, 21)]:
        frames, *extents = NuwaConfig.from_preset("tiny", visual_grid=grid).condition_window
        assert frames // 2 == grid[0] - 1  # the last frame sees the first
        for seen, extent in zip(extents, grid[1:], strict=True):
            assert seen % 2 == 1
            assert 5 / 8 * extent <= seen < 5 / 8 * extent + 2
    assert NuwaConfig.from_preset("tiny", condition_window=(3, 3, 3)).condition_window == (3, 3, 3)
    assert NuwaConfig.from_preset("nuwa-336", visual_grid=(6, 8, 8)).condition_window == (3, 3, 3)


def test_the_input_reads_all_of_a_window_that_replaces_the_presets():
    """A window of `emoji-motion` kept the preset's input, or was refused for being smaller."""
    assert NuwaConfig.from_preset("emoji-motion").get_input_window() == (3, 3, 3)
    for window in ((5, 5, 5), (1, 3, 3)):
        assert NuwaConfig.from_preset("emoji-motion", window=window).get_input_window() == window
    nearer = NuwaConfig.from_preset("emoji-motion", window=(5, 5, 5), input_window=(1, 1, 3))
    assert nearer.get_input_window() == (1, 1, 3)


def test_papers_grids():
    assert NuwaConfig.from_preset("nuwa-336").get_visual_grid() == Grid(10, 21, 21)
    assert NuwaConfig.from_preset("nuwa-256").get_visual_grid() == Grid(4, 32, 32)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": 10, "num_attention_heads": 3}, "`hidden_size` must be a multiple"),
        ({"tie_word_embeddings": True}, "`tie_word_embeddings` must be False"),
        ({"is_encoder_decoder": False}, "`is_encoder_decoder` must be True"),
        ({"window": (3, 2, 3)}, "`window` must be three odd extents"),
        ({"input_window": (1, 4, 3)}, "`input_window` must be three odd extents"),
        ({"input_window": (3, 5, 3)}, r"`input_window` must be nowhere larger than `window` \(3, 3, 3\)"),
        ({"visual_grid": (3, 0, 3)}, "`visual_grid` must be three extents"),
        ({"frame_rate": 0}, "`frame_rate` must be from 0.01 .* got 0; the paper's is 2.5"),
        ({"frame_rate": float("inf")}, "`frame_rate` must be from 0.01 .* got inf"),
        ({"codebook_size": 0}, "`codebook_size` must be at least 1"),
        ({"none_token_id": 60, "vocab_size": 60}, "`none_token_id` must be in"),
        ({"hidden_dropout": 1.0}, r"`hidden_dropout` must be in \[0, 1\)"),
        ({"hidden_size": "wide"}, "hidden_size"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(StrictDataclassError, match=message):
        NuwaConfig(**fields)


@pytest.mark.parametrize("loader", [NuwaConfig, AutoConfig])
@pytest.mark.parametrize(
    "wrong", [{"num_attention_heads": 7}, {"none_token_id": 10**6}, {"frame_rate": -1.0}, {"window": (2, 2, 2)}]
)
def test_fields_that_are_given_at_load_are_checked_like_those_of_the_file(loader, wrong, tmp_path):
    tiny_config().save_pretrained(tmp_path)
    config, others = loader.from_pretrained(tmp_path, visual_grid=[2, 3, 4], other=1, return_unused_kwargs=True)
    assert (config.visual_grid, config.hidden_size) == ((2, 3, 4), tiny_config().hidden_size)
    assert others == {"other": 1}
    with pytest.raises(StrictDataclassError, match=f"`{next(iter(wrong))}`"):
        loader.from_pretrained(tmp_path, **wrong)


def test_a_misspelt_field_is_refused_with_the_right_name():
    with pytest.raises(ValueError, match="did you mean `hidden_size`"):
        NuwaConfig(hiden_size=3)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("d_model", "use `hidden_size`"),
        ("hidden_dropout_prob", "use `hidden_dropout`"),
        ("num_heads", "use `num_attention_heads`"),
        ("num_hidden_layers", "use `num_encoder_layers` and `num_decoder_layers`"),
        ("hiden_size", "did you mean `hidden_size`?"),
    ],
)
def test_what_is_no_field_here_is_refused_wherever_it_is_given(name, remedy, tmp_path):
    """It became an attribute, or was left out when a file was loaded, and the model had other sizes than asked for."""
    tiny_config().save_pretrained(tmp_path)
    for make in (
        NuwaConfig,
        partial(NuwaConfig.from_pretrained, tmp_path),
        partial(AutoConfig.from_pretrained, tmp_path),
    ):
        with pytest.raises(ValueError, match=rf"^`{name}` is not a field of NuwaConfig; {re.escape(remedy)}"):
            make(**{name: 4})
    config = tiny_config()
    told = rf"`{name}` is not a field of NuwaConfig; {re.escape(remedy)}"
    with pytest.raises((ValueError, StrictDataclassError), match=told):  # noqa: PT012
        setattr(config, name, 4)
        config.save_pretrained(tmp_path)


def test_names_of_other_models_are_none_of_ours():
    own = {field.name for field in fields(NuwaConfig)}
    assert own.isdisjoint(OTHER_NAMES)
    assert {name for text in OTHER_NAMES.values() for name in re.findall("`(.+?)`", text)} <= own
    assert OTHER_NAMES.keys().isdisjoint(NuwaConfig.attribute_map)


def test_what_would_not_load_is_not_saved(tmp_path):
    config = tiny_config()
    config.layer_norm_epsilon = 0.5  # another name of the field, which transformers' own tools set
    assert config.layer_norm_eps == 0.5
    config.save_pretrained(tmp_path / "good")
    assert NuwaConfig.from_pretrained(tmp_path / "good").layer_norm_eps == 0.5
    config.hiden_size = 3
    with pytest.raises(StrictDataclassError, match="did you mean `hidden_size`"):
        config.save_pretrained(tmp_path / "bad")


def test_the_declared_sub_configuration_is_in_the_dictionary_with_and_without_clip():
    assert NuwaConfig.sub_configs.keys() == {"text_encoder_config"}
    assert tiny_config().to_dict()["text_encoder_config"] is None


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match=r"`name` must be one of .* got 'nuwa-999'"):
        NuwaConfig.from_preset("nuwa-999")
