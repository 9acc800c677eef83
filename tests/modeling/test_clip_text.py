# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""CLIP's text model as the text encoder."""

import json

import pytest
import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file
from tiny import (
    CODEBOOK_SIZE,
    SKETCH_CODEBOOK_SIZE,
    VISUAL_GRID,
    tiny_inputs,
    tiny_pipeline,
    tiny_tokenizer,
    tiny_transformer,
)
from tiny_clip import (
    BOS,
    EOS,
    VOCAB_SIZE,
    tiny_clip_config,
    tiny_clip_model,
    tiny_clip_tokenizer,
    tiny_nuwa,
    tiny_nuwa_config,
)
from transformers import CLIPConfig, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import nuwa_hf
from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration, NuwaModel, NuwaTextToVideoPipeline, NuwaTokenizer
from nuwa_hf.modeling.text_ids import none_text, text_mask
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.training.nuwa.build_transformer import with_more_texts
from nuwa_hf.training.nuwa.condition_dropout import drop_condition
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.tokens.token_files import TokenFiles


TEXTS = ["a red apple", "a red sea"]


def text_inputs():
    return dict(tiny_clip_tokenizer()(TEXTS, padding="max_length", truncation=True, return_tensors="pt"))


def make_inputs():
    tokens = torch.randint(CODEBOOK_SIZE, (2, *VISUAL_GRID))
    return {**text_inputs(), "visual_tokens": tokens, "labels": tokens}


def all_inputs():
    return {
        **make_inputs(),
        "sketch_tokens": torch.randint(SKETCH_CODEBOOK_SIZE, (2, *VISUAL_GRID)),
        "known_mask": torch.rand(2, *VISUAL_GRID) < 0.5,
    }


def test_without_clip_the_configuration_is_saved_as_before(tmp_path):
    folder = nuwa_hf.DEMO_CHECKPOINT / "transformer"
    NuwaConfig.from_pretrained(folder).save_pretrained(tmp_path)
    kept = (folder / "config.json").read_text(encoding="utf-8")
    kept = kept.replace(json.loads(kept)["transformers_version"], transformers.__version__)
    assert (tmp_path / "config.json").read_text(encoding="utf-8") == kept


def test_configuration_with_clip_survives_json_and_a_folder(tmp_path):
    config = tiny_nuwa_config()
    config.save_pretrained(tmp_path)
    for loaded in (NuwaConfig.from_pretrained(tmp_path), NuwaConfig.from_dict(json.loads(config.to_json_string()))):
        assert loaded.to_dict() == config.to_dict()
        assert type(loaded.text_encoder_config) is CLIPTextConfig
        assert loaded.none_token_id == loaded.none_token_ids == (BOS, EOS)
        assert loaded.get_text_config() is loaded


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"vocab_size": VOCAB_SIZE + 1}, StrictDataclassError, "`vocab_size` must be that of `text_encoder_config`"),
        ({"max_text_length": 13}, StrictDataclassError, "`max_text_length` must be at most the positions"),
        ({"none_token_id": 4}, StrictDataclassError, "`none_token_id` must be the empty text"),
        ({"none_token_id": (BOS, VOCAB_SIZE)}, StrictDataclassError, "`none_token_id` must be in"),
        ({"text_encoder_config": CLIPConfig().to_dict()}, ValueError, "got one of model type 'clip'"),
        ({"text_encoder_config": CLIPConfig()}, ValueError, "give the `text_config` of a whole CLIP"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        tiny_nuwa_config(**fields)


@pytest.mark.parametrize("tokens", [(0, 2), (BOS, None), (BOS, [EOS])])
def test_an_empty_text_is_not_made_of_special_tokens_that_no_tokenizer_writes(tokens):
    """The configurations of OpenAI's CLIPs name tokens that stand for "!" and "#"."""
    text = tiny_clip_config(bos_token_id=tokens[0], eos_token_id=tokens[1])
    with pytest.raises(ValueError, match=r"`none_token_id` must be given .* give `tokenizer\(''\)\.input_ids`\."):
        tiny_nuwa_config(text_encoder_config=text)
    assert tiny_nuwa_config(text_encoder_config=text, none_token_id=(BOS, EOS)).none_token_ids == (BOS, EOS)


def test_texts_are_clips_hidden_states_through_one_linear_map_bit_for_bit():
    clip, model, inputs = tiny_clip_model(), tiny_nuwa().model, text_inputs()
    model.text_encoder.clip.load_state_dict(clip.state_dict())
    expected = clip(**inputs).last_hidden_state
    mask = inputs["attention_mask"].bool()
    assert torch.equal(model.text_encoder.clip(inputs["input_ids"], attention_mask=mask).last_hidden_state, expected)
    condition = model.encode_text(**inputs)
    assert torch.equal(condition.hidden_states, model.text_encoder.projection(expected))
    assert torch.equal(condition.key_padding_mask, mask)
    assert tuple(condition.grid) == (inputs["input_ids"].shape[1], 1, 1)


def test_a_clip_whose_outputs_are_tuples_is_read_as_any_other():
    model, inputs = tiny_nuwa(), text_inputs()
    expected = model.encode_text(**inputs).hidden_states
    model.config.text_encoder_config.return_dict = False
    assert torch.equal(model.encode_text(**inputs).hidden_states, expected)


def test_a_clip_text_model_replaces_our_text_embeddings():
    model = tiny_nuwa()
    assert isinstance(model.model.text_encoder.clip, CLIPTextModel)
    assert model.model.text_side is model.model.text_encoder
    assert not any("text_embeddings" in name for name, _ in model.named_parameters())
    plain = tiny_transformer()
    assert plain.model.text_side is plain.model.text_embeddings
    assert not any("text_encoder" in name for name, _ in plain.named_parameters())


def test_our_encoder_reads_all_conditions_but_the_text():
    model, inputs = tiny_nuwa(), all_inputs()
    model(**make_inputs()).loss.backward()
    encoder = list(model.model.encoder.parameters())
    assert all(weight.grad is None for weight in encoder)
    assert all(weight.grad is not None for weight in model.model.text_encoder.parameters())
    model(**inputs).loss.backward()
    assert all(weight.grad is not None for weight in encoder)


@pytest.mark.parametrize("cls", [NuwaModel, NuwaForConditionalGeneration])
def test_saved_weights_come_back(cls, tmp_path):
    model, inputs = tiny_nuwa(), all_inputs()
    model = model if cls is NuwaForConditionalGeneration else model.model
    model.save_pretrained(tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == model.state_dict().keys()
    loaded, report = cls.from_pretrained(tmp_path, output_loading_info=True)
    assert {name: list(keys) for name, keys in report.items() if keys} == {}
    inputs.pop("labels")
    assert torch.equal(loaded(**inputs)[0], model(**inputs)[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_it_loads_saves_and_runs_in_other_precisions(tmp_path, dtype):
    model, inputs = tiny_nuwa().to(dtype), all_inputs()
    model.save_pretrained(tmp_path)
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {dtype}
    assert torch.equal(loaded(**inputs).logits, model(**inputs).logits)
    wide = NuwaForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    assert {parameter.dtype for parameter in wide.parameters()} == {torch.float32}


def test_an_item_does_not_depend_on_its_batch_or_on_padding():
    model, inputs = tiny_nuwa().double(), all_inputs()
    inputs.pop("labels")
    together = model(**inputs).logits
    for item in range(2):
        alone = {name: tensor[[item]] for name, tensor in inputs.items()}
        length = int(alone["attention_mask"].sum())
        alone |= {name: alone[name][:, :length] for name in ("input_ids", "attention_mask")}
        torch.testing.assert_close(model(**alone).logits[0], together[item])


def test_gradient_checkpointing_gives_the_same_gradients():
    model, inputs = tiny_nuwa().train(), all_inputs()
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.activation_checkpointing_enable()
        model.zero_grad()
        model(**inputs).loss.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    assert model.model.text_encoder.clip.encoder.layers[0].gradient_checkpointing
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(checkpointed, plain)


def test_new_text_tokens_change_clips_embedding_and_nothing_else(tmp_path):
    model, inputs = tiny_nuwa(), all_inputs()
    expected, shapes = model(**inputs).logits, {n: p.shape for n, p in model.named_parameters()}
    model.resize_token_embeddings(VOCAB_SIZE + 3)
    assert model.get_input_embeddings().weight.shape == (VOCAB_SIZE + 3, 12)
    assert model.config.vocab_size == model.config.text_encoder_config.vocab_size == VOCAB_SIZE + 3
    changed = [n for n, p in model.named_parameters() if p.shape != shapes[n]]
    assert changed == ["model.text_encoder.clip.embeddings.token_embedding.weight"]
    assert torch.equal(model(**inputs).logits, expected)
    model.save_pretrained(tmp_path)
    assert torch.equal(NuwaForConditionalGeneration.from_pretrained(tmp_path)(**inputs).logits, expected)


def test_freezing_leaves_the_projection_trainable():
    model = tiny_nuwa()
    model.freeze_text_encoder()
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if ".text_encoder.clip." in name}
    model(**make_inputs()).loss.backward()
    assert model.model.text_encoder.projection.weight.grad is not None
    with pytest.raises(ValueError, match="`text_encoder_config` must be set"):
        tiny_transformer().freeze_text_encoder()


@pytest.mark.parametrize("name", ["sdpa", "nearby", "nearby_reference"])
def test_names_of_nearby_attention_do_not_reach_clip(name, tmp_path):
    model, inputs = tiny_nuwa().double(), all_inputs()
    expected = model(**inputs).logits
    model.save_pretrained(tmp_path)
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path, attn_implementation="eager")
    assert loaded.model.text_encoder.clip.config._attn_implementation == "eager"
    torch.testing.assert_close(loaded(**inputs).logits, expected)
    loaded.set_attn_implementation(name)
    assert loaded.model.text_encoder.clip.config._attn_implementation == "sdpa"
    assert loaded.config._attn_implementation == name
    torch.testing.assert_close(loaded(**inputs).logits, expected)


def test_returned_attention_weights_are_those_of_our_own_layers():
    model, inputs = tiny_nuwa(), all_inputs()
    model.set_attn_implementation("eager")
    output = model(**inputs, output_attentions=True, output_hidden_states=True)
    assert len(output.decoder_attentions) == len(output.cross_attentions) == model.config.num_decoder_layers
    assert output.encoder_last_hidden_state.shape[-1] == model.config.hidden_size


def test_guidance_leads_away_from_the_empty_text():
    model, inputs = tiny_nuwa(), text_inputs()
    empty = tiny_clip_tokenizer()("").input_ids
    assert none_text(model.config, 3).tolist() == [empty] * 3 == [[BOS, EOS]] * 3
    seeded = [torch.Generator().manual_seed(seed) for seed in range(2)]
    tokens = model.generate(**inputs, grid=VISUAL_GRID, guidance_scale=3.0, generator=seeded).tokens
    seeded = [torch.Generator().manual_seed(seed) for seed in range(2)]
    given = model.generate(
        **inputs,
        grid=VISUAL_GRID,
        guidance_scale=3.0,
        generator=seeded,
        negative_input_ids=torch.tensor([empty, empty]),
    ).tokens
    assert torch.equal(tokens, given)


def test_a_dropped_text_is_the_empty_text():
    config, inputs = tiny_nuwa_config(), text_inputs()
    is_dropped = torch.ones(len(inputs["input_ids"]), dtype=torch.bool)
    ids, mask = drop_condition(**inputs, is_dropped=is_dropped, none_token_id=config.none_token_id, pad_token_id=EOS)
    expected = tiny_clip_tokenizer()(["", ""], padding="max_length", return_tensors="pt")
    assert torch.equal(ids, expected["input_ids"])
    assert torch.equal(mask, expected["attention_mask"])
    with pytest.raises(ValueError, match="`none_token_id` must be at most as long as the texts, 1 tokens, got 2"):
        drop_condition(ids[:, :1], mask[:, :1], mask[:, 0].bool(), config.none_token_id, EOS)


def test_stored_texts_get_the_tokenizers_mask_though_padding_equals_eos():
    inputs = text_inputs()
    assert inputs["input_ids"][0, -1] == EOS
    assert torch.equal(text_mask(inputs["input_ids"], tiny_nuwa_config()), inputs["attention_mask"])


def test_batches_of_training_hold_whole_texts_and_the_empty_text():
    texts = tiny_clip_tokenizer()(TEXTS, padding="max_length", return_tensors="pt")
    ids = texts["input_ids"].int()
    tokens = TokenFiles(
        torch.randint(CODEBOOK_SIZE, (2, *VISUAL_GRID)).int(), ids, ids, torch.zeros(2, dtype=torch.int32)
    )
    batches = TaskBatches(tokens, tiny_nuwa_config(), {"T2V": 2, "V2V": 2}, condition_dropout=0.0, seed=0)
    made = batches(list(range(4)))
    text, none = made["T2V"], made["V2V"]
    longest = int(texts["attention_mask"].sum(1).max())
    assert sorted(text.input_ids.tolist()) == sorted(ids[:, :longest].tolist())
    assert int(text.attention_mask.sum()) == int(texts["attention_mask"].sum())
    assert none.input_ids.tolist() == [[BOS, EOS]] * 2


def clip_pipeline(task="T2V", **components):
    return tiny_pipeline(task, **{"transformer": tiny_nuwa(), "tokenizer": tiny_clip_tokenizer(), **components})


def test_a_pipeline_with_clip_is_saved_and_loaded_and_draws_the_same(tmp_path, caplog):
    pipeline = clip_pipeline()
    expected = pipeline(TEXTS[0], generator=torch.Generator().manual_seed(0), output_type="latent").frames
    assert "does not know" not in caplog.text
    pipeline.save_pretrained(tmp_path)
    loaded = NuwaTextToVideoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert type(loaded.tokenizer) is CLIPTokenizer
    drawn = loaded(TEXTS[0], generator=torch.Generator().manual_seed(0), output_type="latent").frames
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize("task", ["T2I", "S2V", "TV2V"])
def test_tasks_run_with_clip(task):
    made = clip_pipeline(task)(**tiny_inputs(task), generator=torch.Generator().manual_seed(0), output_type="latent")
    assert next(iter(made.values())).shape[-2:] == VISUAL_GRID[1:]


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (tiny_tokenizer, "`tokenizer` must be that of the transformer's CLIP"),
        (lambda: tiny_clip_tokenizer(model_max_length=77), "`model_max_length` of at most 12"),
    ],
)
def test_a_tokenizer_that_does_not_fit_clip_is_refused(tokenizer, message):
    with pytest.raises(ValueError, match=message):
        clip_pipeline(tokenizer=tokenizer())


def test_a_tokenizer_of_clip_is_refused_beside_a_transformer_without_clip():
    """It was taken, though it pads with another token: stored texts were read with their padding."""
    transformer = tiny_transformer(vocab_size=VOCAB_SIZE)
    with pytest.raises(ValueError, match=f"`tokenizer` must pad with 0, .* got CLIPTokenizer, which pads with {EOS}"):
        tiny_pipeline(transformer=transformer, tokenizer=tiny_clip_tokenizer())
    with pytest.raises(ValueError, match="`tokenizer` must be a NuwaTokenizer, or one of at most the 128 tokens"):
        with_more_texts(tiny_transformer(), tiny_clip_tokenizer(), "full")


def test_a_tokenizer_is_loaded_as_the_class_that_was_saved(tmp_path):
    tiny_clip_tokenizer().save_pretrained(tmp_path / "a" / "clip")
    tiny_tokenizer().save_pretrained(tmp_path / "ours")
    clip = load_text_tokenizer(tmp_path / "a", subfolder="clip")
    assert type(clip) is CLIPTokenizer
    assert clip(TEXTS).input_ids == tiny_clip_tokenizer()(TEXTS).input_ids
    assert type(load_text_tokenizer(str(tmp_path / "ours"))) is NuwaTokenizer


def test_training_lowers_the_loss():
    model, inputs = tiny_nuwa().train(), make_inputs()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
