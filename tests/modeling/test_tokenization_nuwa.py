# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Laws of the text tokenizer."""

import json
import random
import unicodedata

import pytest
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from nuwa_hf.modeling.tokenization_nuwa import SPECIAL_TOKENS, NuwaTokenizer, load_text_tokenizer


CAPTIONS = [
    "a red apple rolls to the left on the grass",
    "a dog runs from right to left in the snow",
    "a ball bounces up and down, and a car moves to the right",
    "a bee flies up on a gray street while a cup gets smaller",
]


@pytest.fixture(scope="module")
def tokenizer():
    return NuwaTokenizer.train(CAPTIONS, vocab_size=160)


def words_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False).input_ids


def test_special_tokens_have_the_documented_ids(tokenizer):
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1, 2, 3, 4]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id) == (0, 1)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.none_token_id) == (2, 3, 4)
    assert set(tokenizer.all_special_ids) == {0, 1, 2, 3, 4}


def test_text_stands_between_bos_and_eos(tokenizer):
    ids = tokenizer("a red apple").input_ids
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id
    assert not set(ids[1:-1]) & {0, 1, 2, 3, 4}


@pytest.mark.parametrize("text", [*CAPTIONS, "A Red, APPLE!", "  wide   apart\n words ", "don't (stop) <here>", ""])
def test_decode_gives_back_the_lower_cased_text(tokenizer, text):
    decoded = tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True)
    assert decoded == " ".join(text.lower().split())


def test_case_and_unicode_form_do_not_matter(tokenizer):
    assert words_of(tokenizer, "A RED APPLE") == words_of(tokenizer, "a red apple")
    wide = "\uff52\uff45\uff44"
    assert unicodedata.normalize("NFKC", wide) == "red"
    assert words_of(tokenizer, wide) == words_of(tokenizer, "red")


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
@pytest.mark.parametrize("template", ["{}", "a {} apple", "a{}apple", " {0} {0}"])
def test_text_that_spells_a_special_token_is_plain_text(tokenizer, token, template):
    """A caption such as "<none>" must not switch the condition off, nor "<eos>" end it."""
    for ids in (tokenizer(template.format(token)).input_ids, tokenizer([template.format(token)]).input_ids[0]):
        assert not set(ids[1:-1]) & {0, 1, 2, 3, 4}
        assert tokenizer.decode(ids, skip_special_tokens=True) == template.format(token).strip()


def test_no_text_crashes_and_no_ascii_text_is_unknown(tokenizer):
    draw = random.Random(0)
    for _ in range(200):
        text = "".join(chr(draw.randrange(32, 0xD7FF)) for _ in range(draw.randrange(20)))
        ids = words_of(tokenizer, text)
        assert all(0 <= i < len(tokenizer) for i in ids)
        plain = "".join(chr(draw.randrange(32, 127)) for _ in range(draw.randrange(20)))
        assert tokenizer.unk_token_id not in words_of(tokenizer, plain)
    assert tokenizer.unk_token_id in words_of(tokenizer, "a \U0001f34e apple")


def test_truncation_keeps_77_tokens_with_eos_last(tokenizer):
    ids = tokenizer("left " * 200, truncation=True).input_ids
    assert tokenizer.model_max_length == len(ids) == 77
    assert ids[-1] == tokenizer.eos_token_id


def test_padding_is_on_the_right_and_masked(tokenizer):
    batch = tokenizer(["a dog", CAPTIONS[0]], padding="max_length", return_tensors="pt")
    assert set(batch) == {"input_ids", "attention_mask"}
    assert batch.input_ids.shape == batch.attention_mask.shape == (2, 77)
    for ids, mask, text in zip(batch.input_ids, batch.attention_mask, ["a dog", CAPTIONS[0]], strict=True):
        count = len(tokenizer(text).input_ids)
        assert mask.tolist() == [1] * count + [0] * (77 - count)
        assert (ids[count:] == tokenizer.pad_token_id).all()


@pytest.mark.parametrize("loader", [NuwaTokenizer, AutoTokenizer])
def test_save_and_load_keep_every_behaviour(tokenizer, tmp_path, loader):
    tokenizer.save_pretrained(tmp_path)
    loaded = loader.from_pretrained(tmp_path)
    assert type(loaded) is NuwaTokenizer
    for text in [*CAPTIONS, "A  Red APPLE", "<none>", "a <eos> b", "\u732b"]:
        assert loaded(text).input_ids == tokenizer(text).input_ids
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.none_token_id == 4
    assert loaded.model_max_length == 77


def test_the_same_captions_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        NuwaTokenizer.train(iter(CAPTIONS), vocab_size=160).save_pretrained(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_call_leaves_no_trace_in_what_is_saved_or_extended(tmp_path):
    """The padding and the truncation of the last call were saved, and then in the settings of what was loaded."""
    tokenizer = NuwaTokenizer.train(CAPTIONS, vocab_size=160)
    for name in ("before", "after"):
        tokenizer.save_pretrained(tmp_path / name)
        tokenizer.extend(["a magenta hexagon"]).save_pretrained(tmp_path / f"{name}-extended")
        tokenizer(["a dog"], padding="max_length", truncation=True)
    for suffix in ("", "-extended"):
        before, after = tmp_path / f"before{suffix}", tmp_path / f"after{suffix}"
        assert all(path.read_bytes() == (after / path.name).read_bytes() for path in before.iterdir())


def test_vocabulary_never_exceeds_its_size(tokenizer):
    assert len(tokenizer) <= 160
    assert len(NuwaTokenizer.train(CAPTIONS, vocab_size=90)) == 90


NEW_CAPTIONS = ["a magenta hexagon", "a magenta dog, two hexagons", "\u732b \u732b on the grass"]


def test_an_extended_tokenizer_keeps_its_tokens_and_knows_new_words_and_signs_as_whole_tokens(tokenizer, tmp_path):
    wide = tokenizer.extend(NEW_CAPTIONS)
    assert wide.get_vocab().items() > tokenizer.get_vocab().items()
    assert sorted(wide.get_vocab().values()) == list(range(len(wide)))
    for text in CAPTIONS[:3]:  # the fourth has pairs of letters that the new words have too
        assert wide(text).input_ids == tokenizer(text).input_ids
    for word in ("magenta", "hexagon", "\u732b"):
        assert len(words_of(tokenizer, word)) > 1
        assert wide.convert_ids_to_tokens(words_of(wide, word)) == [f"\u2581{word}"]
    for text in [*CAPTIONS, *NEW_CAPTIONS]:
        assert wide.decode(wide(text).input_ids, skip_special_tokens=True) == text
    wide.save_pretrained(tmp_path)
    loaded = NuwaTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == wide.get_vocab() == tokenizer.extend(iter(NEW_CAPTIONS)).get_vocab()
    assert [loaded(text).input_ids for text in NEW_CAPTIONS] == [wide(text).input_ids for text in NEW_CAPTIONS]


def test_a_merged_token_is_its_two_parts(tokenizer):
    wide = tokenizer.extend(NEW_CAPTIONS)
    names = wide.convert_ids_to_tokens(list(range(len(wide))))
    parts = wide.parts_of_tokens()
    assert all(names[token] == names[left] + names[right] for token, (left, right) in parts.items())
    assert {names[token] for token in set(range(5, len(wide))) - parts.keys()} == {n for n in names[5:] if len(n) == 1}


def test_a_vocabulary_is_extended_up_to_its_size(tokenizer):
    assert len(tokenizer.extend(NEW_CAPTIONS, vocab_size=len(tokenizer) + 4)) == len(tokenizer) + 4
    with pytest.raises(ValueError, match="`vocab_size` must hold the tokens that are there"):
        tokenizer.extend(NEW_CAPTIONS, vocab_size=len(tokenizer))
    with pytest.raises(TypeError, match="list of strings"):
        tokenizer.extend("one caption")


def test_a_tokenizer_with_added_tokens_is_not_extended(tmp_path):
    """Its new tokens took the ids of the added ones."""
    tokenizer = NuwaTokenizer.train(CAPTIONS, vocab_size=160)
    tokenizer.add_tokens(["zq"])
    tokenizer.save_pretrained(tmp_path)
    for given in (tokenizer, NuwaTokenizer.from_pretrained(tmp_path)):
        with pytest.raises(ValueError, match=r"`extend` must come before `add_tokens`, got .* added token 'zq'"):
            given.extend(NEW_CAPTIONS)


def test_wrong_input_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match="`vocab_size` must be at least"):
        NuwaTokenizer.train(CAPTIONS, vocab_size=10)
    with pytest.raises(ValueError, match="hold every character"):
        NuwaTokenizer.train(["".join(chr(0x4E00 + i) for i in range(200))], vocab_size=80)
    with pytest.raises(TypeError, match="list of strings"):
        NuwaTokenizer.train("one caption", vocab_size=100)
    with pytest.raises(TypeError, match="yield strings"):
        NuwaTokenizer.train([b"bytes"], vocab_size=100)


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(OSError, match=r"`tokenizer` must be .* with a text tokenizer, got .*train-tokenizer"):
        load_text_tokenizer(tmp_path)


def test_a_pipelines_folder_is_told_from_its_tokenizers(tmp_path):
    """transformers asked for the packages sentencepiece and tiktoken."""
    NuwaTokenizer.train(["a dog"]).save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(OSError, match=r"No tokenizer: .* has no tokenizer.json; .*`subfolder`") as raised:
        NuwaTokenizer.from_pretrained(tmp_path)
    assert isinstance(raised.value, ValueError)  # as transformers raises it
    assert len(NuwaTokenizer.from_pretrained(tmp_path, subfolder="tokenizer"))


@pytest.mark.parametrize("named", ["GPT2Tokenizer", "NuwaTokenizer", None])
def test_a_tokenizer_of_another_kind_is_refused(named, tmp_path):
    """It was taken for ours: "None" was its unknown token or an ordinary one, and training failed after tokenising."""
    backend = Tokenizer(models.BPE({"<pad>": 0, "<unk>": 1, "a": 2}, [], unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<pad>")
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": named}))
    with pytest.raises(ValueError, match=r"`tokenizer` must be a NuwaTokenizer, .* or CLIP's, got .*train-tokenizer"):
        load_text_tokenizer(tmp_path)


def test_an_argument_with_the_name_of_a_method_is_no_broken_file(tmp_path):
    NuwaTokenizer.train(["a dog"]).save_pretrained(tmp_path)
    with pytest.raises(AttributeError, match="`add_special_tokens` must not be given"):
        NuwaTokenizer.from_pretrained(tmp_path, add_special_tokens=True)
