# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' `Trainer` and PEFT train the model as they train others."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import CODEBOOK_SIZE, VISUAL_GRID, tiny_transformer
from transformers import AutoModel, AutoModelForSeq2SeqLM, GenerationConfig, Trainer, TrainingArguments

from nuwa_hf import DEMO_CHECKPOINT, NuwaForConditionalGeneration, NuwaModel
from nuwa_hf.modeling.sampling_runs import launches_kernels_alone
from nuwa_hf.storage.portable_names import make_portable


def samples(count=4):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(CODEBOOK_SIZE, (count, *VISUAL_GRID), generator=generator)
    texts = torch.randint(5, 100, (count, 6), generator=generator)
    return [
        {"input_ids": text, "visual_tokens": clip, "labels": clip} for text, clip in zip(texts, tokens, strict=True)
    ]


def test_the_trainer_smooths_labels_and_evaluates(tmp_path):
    arguments = TrainingArguments(
        tmp_path, use_cpu=True, report_to=[], max_steps=1, label_smoothing_factor=0.1, disable_tqdm=True
    )
    seen = []

    def metrics(predictions):
        seen.append((predictions.predictions[0].shape, predictions.label_ids.shape))
        return {}

    model, data = tiny_transformer(), samples()
    trainer = Trainer(model, arguments, train_dataset=data, eval_dataset=data, compute_metrics=metrics)
    trainer.train()
    loss = trainer.evaluate()["eval_loss"]
    batch = {name: torch.stack([sample[name] for sample in data]) for name in data[0]}
    with torch.no_grad():
        output = model(**batch)
    expected = 0.9 * output.loss - 0.1 * output.logits.log_softmax(-1).mean()
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert seen == [((4, *VISUAL_GRID, CODEBOOK_SIZE), (4, *VISUAL_GRID))]


def test_a_configuration_that_the_trainer_has_had_makes_models_that_sample(tmp_path):
    """It got `use_cache=False` for training, which such models took over and then refused in every call."""
    trained, text = tiny_transformer(), samples(1)[0]["input_ids"][None]
    expected = trained.generate(text, do_sample=False).tokens
    Trainer(trained, TrainingArguments(tmp_path, use_cpu=True, report_to=[]))
    other = NuwaForConditionalGeneration(trained.config).eval()
    other.load_state_dict(trained.state_dict())
    assert other.generation_config.use_cache is False
    assert torch.equal(other.generate(text, do_sample=False).tokens, expected)
    assert torch.equal(other.generate(text, generation_config=GenerationConfig(top_k=1)).tokens, expected)
    with pytest.raises(ValueError, match="`use_cache` must be left out, got False"):
        other.generate(text, use_cache=False)
    with pytest.raises(ValueError, match="`use_cache` must be left out, got False"):
        other.generate(text, generation_config=GenerationConfig(use_cache=False))


def test_peft_adapts_it_as_a_sequence_to_sequence_model(tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type=peft.TaskType.SEQ_2_SEQ_LM)
    model, sample = peft.get_peft_model(tiny_transformer(), config), samples(1)[0]
    batch = {name: tensor[None] for name, tensor in sample.items()}
    model(**batch).loss.backward()
    trained = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert trained == {name for name, _ in model.named_parameters() if "lora_" in name}
    tokens = model.generate(input_ids=batch["input_ids"], do_sample=False).tokens
    model.save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(tiny_transformer(), tmp_path)
    assert torch.equal(again.generate(input_ids=batch["input_ids"], do_sample=False).tokens, tokens)


def adapted(model, peft, way="peft"):
    """What has an adapter that changes the model, which it is put into."""
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    torch.manual_seed(0)
    if way == "peft":
        return peft.get_peft_model(model, config)
    model.add_adapter(config)
    return model


@pytest.mark.parametrize("way", ["peft", "transformers"])
def test_an_adapter_is_loaded_with_its_model(way, tmp_path):
    """Its folder was refused, since it has no configuration of a model."""
    peft = pytest.importorskip("peft")
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    tiny_transformer().save_pretrained(base)
    model, sample = NuwaForConditionalGeneration.from_pretrained(base), samples(1)[0]
    batch = {name: sample[name][None] for name in ("input_ids", "visual_tokens")}
    plain = model(**batch).logits
    adapted(model, peft, way).save_pretrained(adapter)
    expected = model(**batch).logits
    assert not torch.equal(expected, plain)
    for cls in (NuwaForConditionalGeneration, AutoModelForSeq2SeqLM):
        loaded = cls.from_pretrained(adapter)
        assert type(loaded) is NuwaForConditionalGeneration
        assert torch.equal(loaded(**batch).logits, expected)
    for cls in (NuwaModel, AutoModel):
        assert torch.equal(cls.from_pretrained(adapter)(**batch)[0], model.model(**batch)[0])


@pytest.mark.parametrize("ending", ["", ".weight"])
def test_an_adapter_with_dora_is_loaded_whole(ending, tmp_path):
    """transformers left the vectors of DoRA as they are before any training, with no more than a warning."""
    peft = pytest.importorskip("peft")
    tiny_transformer().save_pretrained(tmp_path / "base")
    model, sample = NuwaForConditionalGeneration.from_pretrained(tmp_path / "base"), samples(1)[0]
    batch = {name: sample[name][None] for name in ("input_ids", "visual_tokens")}
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], use_dora=True, init_lora_weights=False)
    adapted = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            weight.mul_(1.5 if "magnitude" in name else 1)
    adapted.save_pretrained(tmp_path / "adapter")
    expected = model(**batch).logits
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    state = {f"{n}{ending}" if n.endswith("_vector") else n: weight for n, weight in load_file(file).items()}
    save_file(state, file, metadata={"format": "pt"})
    torch.testing.assert_close(
        NuwaForConditionalGeneration.from_pretrained(tmp_path / "adapter")(**batch).logits, expected
    )
    for adapter_name in ("default", "mine"):
        again = NuwaForConditionalGeneration.from_pretrained(tmp_path / "base")
        again.load_adapter(tmp_path / "adapter", adapter_name=adapter_name)
        torch.testing.assert_close(again(**batch).logits, expected)
    again.save_pretrained(tmp_path / "again")
    torch.testing.assert_close(
        NuwaForConditionalGeneration.from_pretrained(tmp_path / "again")(**batch).logits, expected
    )


@pytest.mark.parametrize("way", ["loaded with it", "loaded", "added"])
def test_a_model_whose_adapters_were_deleted_is_saved_as_it_was(way, tmp_path):
    """Its weights were saved under the names of an adapter's file, or of layers with one, and no model read them."""
    peft = pytest.importorskip("peft")
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    tiny_transformer().save_pretrained(base)
    model = NuwaForConditionalGeneration.from_pretrained(base)
    config = peft.LoraConfig(
        r=2, target_modules=["q_proj", "v_proj"], modules_to_save=["head"], init_lora_weights=False
    )
    peft.get_peft_model(model, config).save_pretrained(adapter)
    model = NuwaForConditionalGeneration.from_pretrained(adapter if way == "loaded with it" else base)
    if way == "loaded":
        model.load_adapter(adapter)
    if way == "added":
        model.add_adapter(config)
    model.delete_adapter("default")
    model.save_pretrained(tmp_path / "again")
    expected, found = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "again"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    batch = {name: samples(1)[0][name][None] for name in ("input_ids", "visual_tokens")}
    assert torch.equal(model(**batch).logits, tiny_transformer()(**batch).logits)
    model.load_adapter(adapter)
    assert torch.equal(model(**batch).logits, NuwaForConditionalGeneration.from_pretrained(adapter)(**batch).logits)


def test_an_adapter_of_which_no_weight_fits_is_refused_and_the_model_stays(tmp_path):
    """The model drew as without it, with no more than a warning."""
    peft = pytest.importorskip("peft")
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    tiny_transformer().save_pretrained(base)
    adapted(NuwaForConditionalGeneration.from_pretrained(base), peft).save_pretrained(adapter)
    file = adapter / "adapter_model.safetensors"
    state = {name.replace("model.model", "model.model._orig_mod"): weight for name, weight in load_file(file).items()}
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(OSError, match=r"adapter holds none of the 20 weights of the model, such as 'model\.decoder"):
        NuwaForConditionalGeneration.from_pretrained(adapter)
    model = NuwaForConditionalGeneration.from_pretrained(base)
    with pytest.raises(OSError, match=r"adapter holds none of the 20 weights"):
        model.load_adapter(adapter)
    assert model.state_dict().keys() == tiny_transformer().state_dict().keys()


def test_loading_an_adapter_with_its_model_leaves_torchs_random_numbers_alone(tmp_path):
    peft = pytest.importorskip("peft")
    tiny_transformer().save_pretrained(tmp_path / "base")
    adapted(NuwaModel.from_pretrained(tmp_path / "base"), peft).save_pretrained(tmp_path / "adapter")
    before = torch.get_rng_state()
    NuwaModel.from_pretrained(tmp_path / "adapter")
    assert torch.equal(torch.get_rng_state(), before)


def test_an_adapter_of_a_model_in_a_subfolder_is_loaded_with_it(tmp_path):
    peft = pytest.importorskip("peft")
    tiny_transformer().save_pretrained(tmp_path / "base" / "transformer")
    model = NuwaForConditionalGeneration.from_pretrained(tmp_path / "base", subfolder="transformer")
    adapted(model, peft).save_pretrained(tmp_path / "adapter")
    with pytest.raises(OSError, match=r"base has no config.json; .*`subfolder` where it lies"):
        NuwaForConditionalGeneration.from_pretrained(tmp_path / "adapter")
    places = {"subfolder": "transformer", "adapter_kwargs": {"subfolder": ""}}
    loaded, batch = NuwaForConditionalGeneration.from_pretrained(tmp_path / "adapter", **places), samples(1)[0]
    batch = {name: tensor[None] for name, tensor in batch.items()}
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)


def test_an_adapter_of_the_embedded_checkpoint_is_loaded_with_it(tmp_path):
    """What `nuwa-hf train` had written was looked for on the Hub, as a repository "embedded"."""
    peft = pytest.importorskip("peft")
    model = NuwaForConditionalGeneration.from_pretrained(DEMO_CHECKPOINT, subfolder="transformer")
    adapted(model, peft).save_pretrained(tmp_path)
    make_portable(tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "embedded"
    batch = {name: tensor[None] for name, tensor in samples(1)[0].items()}
    expected = model(**batch).logits
    for places in ({}, {"subfolder": "transformer", "adapter_kwargs": {"subfolder": ""}}):
        loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path, **places)
        assert torch.equal(loaded(**batch).logits, expected)
    loaded = NuwaForConditionalGeneration.from_pretrained(DEMO_CHECKPOINT, subfolder="transformer")
    loaded.load_adapter(str(tmp_path))
    assert torch.equal(loaded(**batch).logits, expected)


def test_an_adapter_that_lies_in_the_folder_of_a_model_is_loaded_with_that(tmp_path):
    peft = pytest.importorskip("peft")
    tiny_transformer().save_pretrained(tmp_path)
    model, batch = NuwaForConditionalGeneration.from_pretrained(tmp_path), samples(1)[0]
    batch = {name: tensor[None] for name, tensor in batch.items()}
    adapted(model, peft).save_pretrained(tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(path.read_text().replace(str(tmp_path), "user/another"))
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path, adapter_kwargs={"subfolder": "adapter"})
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)


def test_an_adapter_that_names_no_model_is_refused_with_a_remedy(tmp_path):
    peft = pytest.importorskip("peft")
    adapted(tiny_transformer(), peft).save_pretrained(tmp_path)
    with pytest.raises(OSError, match=r"must name the model that it is for as .* load that model, then the adapter"):
        NuwaForConditionalGeneration.from_pretrained(tmp_path)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradient_checkpointing_leaves_the_gradients_as_they_are(use_reentrant):
    batch = {name: torch.stack([sample[name] for sample in samples()]) for name in samples()[0]}
    conditions = {"sketch_tokens": batch["labels"] % 16, "known_mask": batch["labels"] > 16}
    plain, model = tiny_transformer().train(), tiny_transformer().train()
    model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
    for one in (plain, model):
        one(**batch, **conditions).loss.backward()
    for (name, weight), (_, other) in zip(plain.named_parameters(), model.named_parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-3, atol=1e-6, msg=name)


def test_sampling_steps_are_recorded_during_and_after_activation_checkpointing():
    """A hook for training stayed, for which no step was recorded on CUDA again."""
    model = tiny_transformer()
    assert launches_kernels_alone(model)
    model.activation_checkpointing_enable()
    assert launches_kernels_alone(model)
    assert not launches_kernels_alone(model.train())
    model.eval().activation_checkpointing_disable()
    assert launches_kernels_alone(model)
    model.model.decoder.embeddings.register_forward_hook(lambda module, inputs, output: output + 1)
    assert not launches_kernels_alone(model)


@pytest.mark.parametrize("is_encoded", [False, True])
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradient_checkpointing_leaves_the_gradients_of_adapters_as_they_are(use_reentrant, is_encoded):
    """Embeddings of texts alone required gradients, so reentrant checkpoints cut off what read sketches and known
    parts, and with encoded texts everything.
    """
    peft = pytest.importorskip("peft")
    batch = {name: torch.stack([sample[name] for sample in samples()]) for name in samples()[0]}
    if is_encoded:
        text = batch.pop("input_ids")
        batch["encoder_hidden_states"] = tiny_transformer().encode_text(text).hidden_states.detach()
    for conditions in ({}, {"sketch_tokens": batch["labels"] % 16, "known_mask": batch["labels"] > 16}):
        models = [adapted(tiny_transformer().train(), peft) for _ in range(2)]
        models[1].activation_checkpointing_enable({"use_reentrant": use_reentrant})
        for one in models:
            one(**batch, **conditions).loss.backward()
        plain, checkpointed = (dict(one.named_parameters()) for one in models)
        for name, weight in plain.items():
            torch.testing.assert_close(weight.grad, checkpointed[name].grad, rtol=1e-3, atol=1e-6, msg=name)
