# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
from test_fine_tuning import tokens_folder, written
from tiny import VISUAL_GRID, tiny_config

from nuwa_hf import NuwaConfig
from nuwa_hf.training.nuwa.memory_command import MemoryArguments, config_of, main, videos_of_a_batch
from nuwa_hf.training.nuwa.memory_estimate import memory_table, on_meta
from nuwa_hf.training.run.run_arguments import parse_arguments


assert tokens_folder  # a fixture


def test_it_prints_the_table_of_a_preset_and_of_the_machines(capsys):
    words = "--preset emoji-motion --num_processes 2 --strategy fsdp --tasks T2V=1 --train_batch_size 3"
    main([*words.split(), "--mixed_precision", "bf16", "--optimizer", "adamw"])
    setting = {"num_processes": 2, "strategy": "fsdp", "rows": 3}
    output = capsys.readouterr().out
    assert output.endswith(memory_table(NuwaConfig.from_preset("emoji-motion"), [setting]))
    assert output.startswith("emoji-motion: 4.6 M parameters, 4.6 M of them learnt, clips of 6 x 8 x 8 tokens, adamw.")


def test_sizes_are_those_of_a_checkpoint_or_of_a_preset_with_what_replaces_them(checkpoint, tokens_folder, tmp_path):
    sizes = ("hidden_size", "vocab_size", "visual_grid")
    alone, replaced = ["--transformer", checkpoint / "transformer"], ["--transformer", checkpoint]
    for flags in (["--checkpoint", checkpoint], alone, ["--checkpoint", "embedded", *replaced]):
        config = config_of(parse_arguments(MemoryArguments, [str(word) for word in flags]))
        assert all(getattr(config, name) == getattr(tiny_config(), name) for name in sizes)
    path = tmp_path / "train.yaml"
    path.write_text(
        f"output_dir: out\nvqgan: not-yet-there\ntokens: {tokens_folder}\npreset: tiny\nnum_encoder_layers: 1\n"
    )
    config = config_of(parse_arguments(MemoryArguments, ["--config", str(path), "--codebook_size", "7"]))
    assert (config.hidden_size, config.num_encoder_layers, config.codebook_size) == (256, 1, 7)
    assert config.visual_grid == VISUAL_GRID


def test_the_grid_of_the_clips_is_that_of_the_token_files_beside_a_checkpoint_too(checkpoint, tmp_path):
    t, h, w = VISUAL_GRID
    for frames in (t - 1, t + 1):
        written(tmp_path / str(frames), grid=(frames, h, w))
    shorter, longer = (
        parse_arguments(MemoryArguments, ["--checkpoint", str(checkpoint), "--tokens", str(tmp_path / str(frames))])
        for frames in (t - 1, t + 1)
    )
    assert config_of(shorter).visual_grid == (t - 1, h, w)
    with pytest.raises(ValueError, match=f"the grid's `t` must be at most {t}"):  # as training says
        config_of(longer)


def test_passes_and_the_maps_that_get_adapters_count(capsys):
    words = "--preset small --num_processes 8 --strategy fsdp --tasks T2V=1 --train_batch_size 1 --optimizer adamw"
    main([*words.split(), "--gradient_accumulation_steps", "2"])
    setting = {"num_processes": 8, "strategy": "fsdp", "mixed_precision": "no"}
    one, two = (memory_table(NuwaConfig.from_preset("small"), [{**setting, "passes": passes}]) for passes in (1, 2))
    assert one != two
    assert capsys.readouterr().out.endswith(two)
    pytest.importorskip("peft", reason="adapters are PEFT's")
    words = ["--checkpoint", "embedded", "--fine_tune", "lora", "--lora_rank", "64"]
    for targets in (["q_proj"], ["q_proj", "up_proj"]):
        flags = [*words, "--lora_target_modules", *targets]
        main(flags)
        model = on_meta(config_of(parse_arguments(MemoryArguments, flags)), "lora", 64, targets)
        learnt = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        assert f", {learnt / 1e6:.1f} M of them learnt, " in capsys.readouterr().out


def test_an_image_counts_as_a_part_of_a_video():
    arguments = MemoryArguments(tasks=["T2V=1", "T2I=1"], train_batch_size=8)
    assert videos_of_a_batch(arguments, num_frames=8) == 4 + 4 / 8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"checkpoint": "a", "hidden_size": 16}, r"`checkpoint` must be None with \['hidden_size'\]"),
        ({"checkpoint": "a", "codebook_size": 16}, r"`checkpoint` must be None with \['codebook_size'\]"),
        ({"visual_grid": [3, 0, 3]}, "`visual_grid` must be three numbers above 0"),
        ({"num_processes": 0}, "`num_processes` must be greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        MemoryArguments(**values)
