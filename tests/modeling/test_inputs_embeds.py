# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Embeddings of text tokens in place of the tokens, and prompts of PEFT that are learnt as such embeddings."""

import pytest
import torch
from tiny import CODEBOOK_SIZE, VISUAL_GRID, seeded, tiny_transformer
from tiny_clip import tiny_nuwa


LENGTH, PROMPT = 6, 3


def batch(rows=2):
    generator = seeded(0)[0]
    tokens = torch.randint(CODEBOOK_SIZE, (rows, *VISUAL_GRID), generator=generator)
    mask = torch.ones(rows, LENGTH, dtype=torch.long)
    mask[0, 4:] = 0
    text = torch.randint(5, 100, (rows, LENGTH), generator=generator)
    return {"input_ids": text, "attention_mask": mask, "visual_tokens": tokens, "labels": tokens}


def embedded(model, given):
    """The same inputs with the embeddings of their texts."""
    embeds = model.get_input_embeddings()(given["input_ids"])
    return {"inputs_embeds": embeds, **{name: tensor for name, tensor in given.items() if name != "input_ids"}}


def test_embeddings_of_the_tokens_give_what_the_tokens_give_and_have_gradients():
    model, given = tiny_transformer(), batch()
    expected = model(**given)
    others = embedded(model, given)
    others["inputs_embeds"] = others["inputs_embeds"].detach().requires_grad_()
    found = model(**others)
    assert torch.equal(found.logits, expected.logits)
    found.loss.backward()
    gradient = others["inputs_embeds"].grad
    assert gradient.isfinite().all()
    assert (gradient.abs().sum(-1) > 0).equal(given["attention_mask"].bool())


@pytest.mark.parametrize("settings", [{}, {"guidance_scale": 2.0, "negative_input_ids": torch.full((2, 3), 7)}])
def test_generate_and_stream_take_them(settings):
    model, given = tiny_transformer(), batch()
    text = {name: given[name] for name in ("input_ids", "attention_mask")}
    condition = model.encode_text(**text)
    expected = model.generate(
        encoder_hidden_states=condition.hidden_states,
        attention_mask=text["attention_mask"],
        generator=seeded(1, 2),
        **settings,
    ).tokens
    others = embedded(model, text)
    assert torch.equal(model.generate(**others, generator=seeded(1, 2), **settings).tokens, expected)
    frames = torch.stack(list(model.stream(**others, generator=seeded(1, 2), **settings)), 1)
    assert torch.equal(frames, expected)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input_ids": torch.ones(2, 6).long()}, ValueError, "must be given, got `input_ids` and `inputs_embeds`; "),
        ({"inputs_embeds": torch.ones(2, 6).long()}, TypeError, "`inputs_embeds` must be a tensor of floats"),
        ({"inputs_embeds": torch.ones(2, 6, 5)}, ValueError, "`inputs_embeds` must have shape"),
        ({"attention_mask": torch.ones(2, 5)}, ValueError, "the mask of `inputs_embeds` must have shape"),
    ],
)
def test_what_is_no_embedding_is_refused_before_any_work(change, error, message):
    model, calls = tiny_transformer(), []
    given = embedded(model, batch()) | change
    for part in model.model.children():
        part.register_forward_pre_hook(lambda *_: calls.append(1))
    with pytest.raises(error, match=message):
        model(**given)
    texts = {name: given[name] for name in given.keys() - {"visual_tokens", "labels"}}
    with pytest.raises(error, match=message):
        model.generate(**texts)
    assert not calls


def test_clip_reads_tokens_alone():
    model = tiny_nuwa()
    with pytest.raises(ValueError, match=r"^`inputs_embeds` must be left out where CLIP's text model reads the texts"):
        model.generate(inputs_embeds=torch.zeros(1, 3, 16))


@pytest.mark.parametrize("kind", ["PromptTuningConfig", "PromptEncoderConfig"])
def test_a_prompt_of_peft_is_learnt_alone_draws_and_is_loaded(kind, tmp_path):
    peft = pytest.importorskip("peft")
    config = getattr(peft, kind)(task_type=peft.TaskType.SEQ_2_SEQ_LM, num_virtual_tokens=PROMPT)
    model, given = peft.get_peft_model(tiny_transformer(), config), batch()
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=0.05)
    losses = []
    for _ in range(5):
        loss = model(**given).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    base = tiny_transformer().state_dict()
    assert all(torch.equal(weight, base[name]) for name, weight in model.get_base_model().state_dict().items())

    text = {name: given[name] for name in ("input_ids", "attention_mask")}
    drawn = model.eval().generate(**text, do_sample=False).tokens
    prompt = model.get_prompt(2)[:, :PROMPT]
    embeds = torch.cat([prompt, embedded(model.get_base_model(), text)["inputs_embeds"]], 1)
    mask = torch.cat([torch.ones(2, PROMPT), text["attention_mask"]], 1)
    alone = tiny_transformer().generate(inputs_embeds=embeds, attention_mask=mask, do_sample=False).tokens
    assert torch.equal(drawn, alone)
    model.save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(tiny_transformer(), tmp_path)
    assert torch.equal(again.generate(**text, do_sample=False).tokens, drawn)
