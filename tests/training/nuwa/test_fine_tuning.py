# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Fine-tuning of a whole checkpoint: which weights move, what is written, and how adapters are loaded."""

import copy
import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import FullyShardedDataParallelPlugin
from diffusers import PipelineQuantizationConfig
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from tiny import CODEBOOK_SIZE, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_transformer

from nuwa_hf import DEMO_CHECKPOINT, NuwaForConditionalGeneration, NuwaInt8Config, NuwaTextToVideoPipeline
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.nuwa.build_transformer import build_transformer, with_more_codes, with_more_texts
from nuwa_hf.training.nuwa.components import load_components
from nuwa_hf.training.nuwa.fine_tuning import (
    LORA_TARGETS,
    START_WEIGHTS,
    add_adapters,
    check_sharding,
    check_what_stays,
    freeze_encoder,
    merged_copy,
)
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.nuwa.nuwa_steps import nuwa_step, tasks_loss
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.nuwa.throughput import Throughput
from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.run.saved_data import DATA_FILE
from nuwa_hf.training.tokens.token_files import TokenFiles, write_metadata, write_shard


peft = pytest.importorskip("peft", reason="adapters are PEFT's")
SETTINGS = {"rank": 2, "alpha": 8.0, "dropout": 0.0, "target_modules": LORA_TARGETS}
ROWS = {"T2V": 1, "S2V": 1, "TI2I": 1}


def random_tokens(grid=VISUAL_GRID, codes=CODEBOOK_SIZE, clips=8):
    generator = torch.Generator().manual_seed(3)

    def draw(low, high, *shape):
        return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)

    captions = draw(5, 60, 2, clips, 8)
    sketches = draw(0, SKETCH_CODEBOOK_SIZE, clips, *grid)
    return TokenFiles(draw(0, codes, clips, *grid), *captions, draw(0, grid[0], clips), sketches)


def written(folder, about=None, **sizes):
    folder.mkdir()
    write_metadata(folder, {"num_shards": 1, **(about or {})})
    write_shard(folder, 0, random_tokens(**sizes))
    return folder


@pytest.fixture(scope="module")
def tokens_folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("tokens") / "train")


def flags_of(checkpoint, tokens, output_dir, **values):
    defaults = {"max_train_steps": 4, "checkpointing_steps": 2, "train_batch_size": 4, "learning_rate": 1e-2}
    settings = {**defaults, "ema_decay": 0.5, "device": "cpu", "log_every": 1, "sample_sheets": False, **values}
    flags = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
    tasks = ["--tasks", *(f"{task}=1" for task in ("T2V", "S2V", "TI2I", "V2V"))]
    return ["--checkpoint", str(checkpoint), "--tokens", str(tokens), "--output_dir", str(output_dir), *tasks, *flags]


def transformer_weights(pipeline_folder):
    return NuwaTextToVideoPipeline.from_pretrained(pipeline_folder).transformer.state_dict()


@pytest.fixture(scope="module")
def lora_run(checkpoint, tokens_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    main(flags_of(checkpoint, tokens_folder, folder, fine_tune="lora", lora_rank=2, lora_dropout=0.1))
    return folder


def batch_of(model, seed=0):
    return TaskBatches(random_tokens(), model.config, ROWS, 0.0, seed)(range(sum(ROWS.values())))


def logits_of(model):
    return torch.cat([model(**vars(batch)).logits.flatten(0, 3) for batch in batch_of(model).values()])


@torch.no_grad()
def assert_same_model(one, other):
    assert torch.allclose(logits_of(one.eval()), logits_of(other.eval()), atol=1e-4)


def stepped(learner, steps=3):
    optimizers = build_optimizers(
        learner, "adamw", learning_rate=1e-2, muon_learning_rate=1.0, betas=(0.9, 0.95), weight_decay=0.1
    )
    for step in range(steps):
        nuwa_step(learner, optimizers, Accelerator(cpu=True), [batch_of(learner, step)], 1.0)


def test_fresh_adapters_add_nothing():
    model, expected = tiny_transformer(), tiny_transformer()
    with torch.no_grad():
        assert torch.equal(logits_of(add_adapters(model, **SETTINGS).eval()), logits_of(expected))


def test_only_the_adapters_move_and_all_of_them_do():
    model, before = tiny_transformer(), tiny_transformer().state_dict()
    learner = add_adapters(model, **SETTINGS)
    fresh = {name: weight.clone() for name, weight in learner.state_dict().items()}
    stepped(learner.train())
    for name, weight in model.state_dict().items():
        plain = name.replace(".base_layer", "")
        assert "lora_" in name or torch.equal(weight, before[plain]), name
    assert all(not torch.equal(w, fresh[name]) for name, w in learner.state_dict().items() if "lora_" in name)
    adapted = {name.split(".lora_")[0].split(".")[-1] for name in fresh if "lora_" in name}
    assert adapted == set(LORA_TARGETS)


def test_every_attention_and_feed_forward_map_gets_an_adapter():
    model = add_adapters(tiny_transformer(), **SETTINGS)
    inside = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    for name in inside:
        has_adapter = "base_layer" in name or "lora_" in name
        assert has_adapter or name.endswith("head"), name


def test_adapters_and_base_are_the_merged_model_and_merging_leaves_them_alone():
    learner = add_adapters(tiny_transformer(), **SETTINGS)
    stepped(learner.train())
    kept = {name: weight.clone() for name, weight in learner.state_dict().items()}
    merged = merged_copy(learner)
    assert set(merged.state_dict()) == set(tiny_transformer().state_dict())
    assert_same_model(learner, merged)
    assert all(torch.equal(weight, kept[name]) for name, weight in learner.state_dict().items())


def test_gradient_checkpointing_gives_adapters_the_same_gradients():
    gradients = []
    for is_checkpointed in (False, True):
        model = tiny_transformer()
        if is_checkpointed:
            model.activation_checkpointing_enable()
        torch.manual_seed(5)
        learner = add_adapters(model, **SETTINGS).train()
        for name, parameter in learner.named_parameters():
            if "lora_B" in name:  # else the gradients of A are zero
                torch.nn.init.normal_(parameter)
        tasks_loss(learner, batch_of(model))[0].backward()
        gradients.append([p.grad for p in learner.parameters() if p.requires_grad])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_map_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"`lora_target_modules` must be among .*'q_proj'.* got \['query'\]"):
        add_adapters(tiny_transformer(), **{**SETTINGS, "target_modules": ["q_proj", "query"]})


def test_a_frozen_encoder_stays_and_all_else_moves():
    model, before = tiny_transformer(), tiny_transformer().state_dict()
    freeze_encoder(model)
    stepped(model.train())
    frozen = ("model.encoder.", "model.text_embeddings.", "model.sketch_embeddings.", "model.known_embeddings.")
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name]) == name.startswith(frozen), name


def test_a_run_with_adapters_writes_them_and_the_merged_pipeline(lora_run, checkpoint):
    merged = NuwaTextToVideoPipeline.from_pretrained(lora_run / "pipeline")
    base = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    for name, weight in merged.transformer.state_dict().items():
        is_adapted = any(f".{target}." in name for target in LORA_TARGETS)
        assert torch.equal(weight, base.transformer.state_dict()[name]) != is_adapted, name
    by_peft = peft.PeftModel.from_pretrained(base.transformer, lora_run / "adapter")
    assert_same_model(by_peft, merged.transformer)
    again = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    again.load_lora_weights(lora_run / "adapter")
    assert_same_model(again.transformer, merged.transformer)


def test_an_adapter_names_its_modules_in_one_order(lora_run):
    """PEFT writes a set, whose order is another one in each process."""
    settings = json.loads((lora_run / "adapter" / "adapter_config.json").read_text())
    assert settings["target_modules"] == sorted(LORA_TARGETS)


def test_what_a_run_wrote_has_cards_and_names_no_folder_of_this_machine(lora_run, checkpoint, tokens_folder):
    for name in ("pipeline", "adapter"):
        texts = {path: path.read_text() for path in (lora_run / name).rglob("*") if path.suffix in (".json", ".md")}
        card = texts[lora_run / name / "README.md"]
        assert "4 optimiser steps" in card
        assert "load_lora_weights" in card or name == "pipeline"
        for folder in (lora_run, checkpoint, tokens_folder):
            assert [path.name for path, text in texts.items() if str(folder) in text] == []


def test_the_card_names_the_data_sets_that_the_tokens_were_made_from(checkpoint, tmp_path):
    names = ("user/clips", "my clips", "user/clips", None)
    told = [{} if name is None else {"dataset_name": name} for name in names]
    folders = [str(written(tmp_path / f"tokens-{place}", about)) for place, about in enumerate(told)]
    flags = flags_of(checkpoint, folders[0], tmp_path / "run", max_train_steps=1)
    main([*flags, "--tokens", *folders, "--validation_share", "0"])
    card = ModelCard.load(tmp_path / "run" / "pipeline" / "README.md")
    assert "## Data\n\n- user/clips\n- my clips\n- tokens-3\n\n" in card.text
    assert card.data.datasets == ["user/clips"]


def test_checkpoints_hold_the_learnt_weights_alone(lora_run, checkpoint, tokens_folder, tmp_path):
    names = load_file(lora_run / "checkpoint-000004" / "model.safetensors").keys()
    assert names
    assert all("lora_" in name for name in names)
    main(flags_of(checkpoint, tokens_folder, tmp_path, fine_tune="frozen-encoder"))
    names = load_file(tmp_path / "checkpoint-000004" / "model.safetensors").keys()
    assert not any("encoder" in name for name in names)
    before, after = transformer_weights(checkpoint), transformer_weights(tmp_path / "pipeline")
    assert all(torch.equal(before[name], after[name]) != (name in names) for name in before)


def metrics_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in Throughput.NAMES} for line in lines]


def test_a_run_with_adapters_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(
    lora_run, checkpoint, tokens_folder, tmp_path
):
    for name in ("checkpoint-000002", "metrics.jsonl"):
        copy = shutil.copytree if (lora_run / name).is_dir() else shutil.copy
        copy(lora_run / name, tmp_path / name)
    main(flags_of(checkpoint, tokens_folder, tmp_path, fine_tune="lora", lora_rank=2, lora_dropout=0.1))
    assert metrics_of(tmp_path) == metrics_of(lora_run)
    one, other = (transformer_weights(folder / "pipeline") for folder in (tmp_path, lora_run))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_checkpoint_gives_all_parts_and_its_way_of_sampling(checkpoint, tokens_folder, tmp_path):
    given = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    given.transformer.generation_config.update(do_sample=True, guidance_scale=3.5, top_k=7)
    given.save_pretrained(tmp_path / "start")
    main(flags_of(tmp_path / "start", tokens_folder, tmp_path / "run", max_train_steps=1, unguided_temperature=0.7))
    tuned = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "run" / "pipeline")
    config = tuned.transformer.generation_config
    assert (config.guidance_scale, config.top_k, config.unguided_temperature) == (3.5, 7, 0.7)
    for name in ("vqgan", "sketch_vqgan"):
        weights = getattr(given, name).state_dict()
        assert all(torch.equal(weight, weights[key]) for key, weight in getattr(tuned, name).state_dict().items())
    assert tuned.tokenizer.get_vocab() == given.tokenizer.get_vocab()


def test_the_embedded_checkpoint_goes_by_its_name(tokens_folder):
    arguments = parse_arguments(NuwaArguments, flags_of("embedded", tokens_folder, "unused"))
    components = load_components(arguments)
    assert Path(components.transformer) == DEMO_CHECKPOINT
    model = build_transformer(arguments, components, Grid(2, 8, 8))
    NuwaTextToVideoPipeline(**components.for_pipeline, transformer=model)  # raises if they do not fit
    assert components.sketch_vqgan is not None


def test_clips_may_be_shorter_than_the_positions_and_not_longer(checkpoint, tmp_path):
    t, h, w = VISUAL_GRID
    shorter, longer = (written(tmp_path / str(frames), grid=(frames, h, w)) for frames in (t - 1, t + 1))
    main(flags_of(checkpoint, shorter, tmp_path / "run", max_train_steps=1))
    tuned = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "run" / "pipeline")
    assert tuned.transformer.config.visual_grid == VISUAL_GRID
    with pytest.raises(ValueError, match=f"the grid's `t` must be at most {t}"):
        main(flags_of(checkpoint, longer, tmp_path / "out"))


def test_what_does_not_fit_the_checkpoint_is_refused_before_anything_is_written(checkpoint, tokens_folder, tmp_path):
    other = written(tmp_path / "other", codes=2 * CODEBOOK_SIZE)
    with pytest.raises(ValueError, match="`tokens` must be made by the given codec and tokenizer, got visual token"):
        main(flags_of(checkpoint, other, tmp_path / "out"))
    with pytest.raises(ValueError, match="`train_batch_size` must be at most the 8 clips of `tokens`, got 9"):
        main(flags_of(checkpoint, tokens_folder, tmp_path / "out", train_batch_size=9))
    with pytest.raises(OSError, match="No checkpoint"):
        main(flags_of(tmp_path / "nothing", tokens_folder, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("learnt", "tasks", "what"),
    [
        (("T2V", "S2I"), ["T2V=1", "V2V=1"], "known parts"),
        (("T2V", "V2V"), ["S2V=1"], "sketches"),
        (("I2I", "V2V"), ["T2V=1", "V2V=1"], "texts"),
        (("T2I",), ["T2I=1", "T2V=1"], "frames after the first"),
        (("T2V", "I2I", "S2I"), ["V2V=1", "TI2I=1", "S2V=1", "T2I=1"], None),
        (None, ["V2V=1", "S2V=1"], None),
    ],
)
@pytest.mark.parametrize("fine_tune", ["lora", "frozen-encoder", "full"])
def test_weights_that_have_learnt_nothing_are_not_left_so_where_a_task_of_the_run_reads_them(
    checkpoint, tmp_path, fine_tune, learnt, tasks, what
):
    """They were random, and the finished checkpoint said that it had learnt the task."""
    start = NuwaForConditionalGeneration.from_pretrained(checkpoint, subfolder="transformer")
    start.config.learnt_tasks = learnt
    start.save_pretrained(tmp_path / "start")
    values = {"tokens": ["a"], "output_dir": "out", "tasks": tasks, "transformer": str(tmp_path / "start")}
    arguments = NuwaArguments(checkpoint=str(checkpoint), fine_tune=fine_tune, **values)
    build = partial(build_transformer, arguments, load_components(arguments), Grid(*VISUAL_GRID))
    is_frozen = fine_tune == "lora" or (fine_tune == "frozen-encoder" and what != "frames after the first")
    if what is not None and is_frozen:
        rule = rf"`fine_tune` must be 'full' with \[.*\] for a transformer that has never learnt to read {what}, got"
        with pytest.raises(ValueError, match=rule):
            build()
    else:
        assert (build().config.learnt_tasks is None) == (learnt is None)


def test_a_clip_text_model_alone_is_frozen_whatever_has_been_learnt():
    check_what_stays("frozen-encoder", ["T2V", "V2V", "S2V"], [], has_clip=True)
    with pytest.raises(ValueError, match=r"with \['T2V', 'S2V'\] for a transformer .* read texts"):
        check_what_stays("lora", ["T2V", "V2V", "S2V"], [], has_clip=True)


def test_a_transformer_gets_fresh_weights_for_the_codes_that_its_codec_has_learnt_since():
    before = tiny_transformer().eval()
    after = with_more_codes(before, CODEBOOK_SIZE + 5).eval()
    tokens = torch.randint(CODEBOOK_SIZE, (1, *VISUAL_GRID), generator=torch.Generator().manual_seed(0))
    text = torch.tensor([[1, 7, 2]])
    logits = [model(input_ids=text, visual_tokens=tokens).logits for model in (before, after)]
    assert logits[1].shape[-1] == CODEBOOK_SIZE + 5
    assert torch.equal(logits[0], logits[1][..., :CODEBOOK_SIZE])
    assert with_more_codes(before, CODEBOOK_SIZE) is before


def test_a_transformer_gets_embeddings_for_the_words_that_its_tokenizer_has_learnt_since():
    tokenizer = NuwaTokenizer.train(["a red dog"], vocab_size=90)
    before = tiny_transformer(vocab_size=len(tokenizer)).eval()
    wide = tokenizer.extend(["blue \u732b \u732b", "blue"])
    after = with_more_texts(copy.deepcopy(before), wide, "full")
    text = {"input_ids": torch.tensor([tokenizer("a red dog").input_ids])}
    tokens = torch.zeros(1, *VISUAL_GRID, dtype=torch.long)
    logits = [model(**text, visual_tokens=tokens).logits for model in (before, after)]
    assert torch.equal(*logits)
    assert after.config.vocab_size == len(wide)
    embedding = after.get_input_embeddings().weight
    for token, parts in wide.parts_of_tokens().items():
        if token >= len(tokenizer):
            assert torch.allclose(embedding[token], embedding[list(parts)].mean(0))
    assert embedding[wide.convert_tokens_to_ids("\u732b")].abs().sum() > 0
    assert with_more_texts(before, tokenizer, "lora") is before
    with pytest.raises(ValueError, match="`fine_tune` must be 'full' with a tokenizer of"):
        with_more_texts(before, wide, "lora")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_transformer_saved_in_16_bits_is_trained_in_32(checkpoint, tmp_path, dtype):
    start = NuwaForConditionalGeneration.from_pretrained(checkpoint, subfolder="transformer", dtype=dtype)
    start.save_pretrained(tmp_path / "start")
    values = {"tokens": ["a"], "output_dir": "out", "tasks": ["T2V=1"], "transformer": str(tmp_path / "start")}
    arguments = NuwaArguments(checkpoint=str(checkpoint), **values)
    model = build_transformer(arguments, load_components(arguments), Grid(*VISUAL_GRID))
    for one in (model, with_more_codes(model, CODEBOOK_SIZE + 5)):
        assert {weight.dtype for weight in one.parameters()} == {torch.float32}
        assert one.config.dtype == torch.float32
    assert all(torch.equal(weight, start.state_dict()[name].float()) for name, weight in model.state_dict().items())


def test_a_quantised_transformer_is_not_trained(checkpoint, tokens_folder, tmp_path):
    quantisation = PipelineQuantizationConfig(quant_mapping={"transformer": NuwaInt8Config()})
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint, quantization_config=quantisation)
    pipeline.save_pretrained(tmp_path / "int8")
    with pytest.raises(ValueError, match=r"`transformer` must be one with weights in floating point.*'nuwa_int8'"):
        main(flags_of(tmp_path / "int8", tokens_folder, tmp_path / "out"))


def test_checkpoints_of_another_way_of_fine_tuning_are_refused(lora_run, checkpoint, tokens_folder, tmp_path):
    shutil.copytree(lora_run / "checkpoint-000002", tmp_path / "checkpoint-000002")
    with pytest.raises(ValueError, match="`fine_tune`"):
        main(flags_of(checkpoint, tokens_folder, tmp_path, fine_tune="frozen-encoder"))
    for name in ("arguments.json", DATA_FILE, "file_sizes.json"):  # as those of before these were written
        (tmp_path / "checkpoint-000002" / name).unlink()
    with pytest.raises(ValueError, match="`fine_tune` must be that of the checkpoints in `output_dir`"):
        main(flags_of(checkpoint, tokens_folder, tmp_path, fine_tune="frozen-encoder"))


@pytest.mark.parametrize("fine_tune", ["lora", "frozen-encoder"])
def test_a_run_does_not_go_on_from_a_start_whose_frozen_weights_have_changed(
    checkpoint, tokens_folder, tmp_path, fine_tune
):
    """It laid what it had learnt over the other weights, which its checkpoints do not hold."""
    start = NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    start.save_pretrained(tmp_path / "start")
    flags = partial(flags_of, tmp_path / "start", tokens_folder, tmp_path / "run", fine_tune=fine_tune)
    main(flags(max_train_steps=1))
    if fine_tune == "lora":  # whatever is frozen, the same weights may be written anew
        start.save_pretrained(tmp_path / "start")
        main(flags(max_train_steps=2))
    with torch.no_grad():
        start.transformer.model.text_embeddings.token_embedding.weight.mul_(2)
    start.save_pretrained(tmp_path / "start")
    with pytest.raises(ValueError, match=f"learnt from other data: {START_WEIGHTS} .*; choose another folder"):
        main(flags(max_train_steps=3))
    if fine_tune == "lora":
        data = tmp_path / "run" / "checkpoint-000002" / DATA_FILE
        saved = json.loads(data.read_text())
        del saved[START_WEIGHTS]  # as those of before it was written
        data.write_text(json.dumps(saved))
        main(flags(max_train_steps=3))


@pytest.mark.parametrize("mixed_precision", ["no", "bf16", "fp16"])
def test_sharded_weights_are_not_trained_in_fp16(monkeypatch, mixed_precision):
    """Accelerate no longer knows the optimisers of sharded weights, so gradients that were scaled up stayed so, and
    were all that the clipping saw.
    """
    accelerator = Accelerator(cpu=True)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    launched = {"distributed_type": DistributedType.FSDP, "fsdp_plugin": plugin, "_mixed_precision": mixed_precision}
    for name, value in launched.items():
        monkeypatch.setitem(accelerator.state.__dict__, name, value)
    if mixed_precision == "fp16":
        with pytest.raises(ValueError, match="`mixed_precision` must be 'no' or 'bf16' with FSDP2, got 'fp16'; use"):
            check_sharding(accelerator, "adamw", "stop")
    else:
        check_sharding(accelerator, "adamw", "stop")
