# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A tiny CLIP, and a tiny CLIP text model and its tokenizer, of the same classes and the same rules as OpenAI's."""

import torch
from tiny import CAPTIONS, MAX_TEXT_LENGTH, tiny_config
from tokenizers import pre_tokenizers
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from nuwa_hf import NuwaConfig, NuwaForConditionalGeneration


MERGES = [("a", "p"), ("ap", "p"), ("l", "e</w>"), ("app", "le</w>"), ("r", "e"), ("re", "d</w>")]
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
VOCAB_SIZE = 2 * len(BYTES) + len(MERGES) + 2
BOS, EOS = VOCAB_SIZE - 2, VOCAB_SIZE - 1


def tiny_clip_tokenizer(**overrides) -> CLIPTokenizer:
    words = [*BYTES, *(f"{byte}</w>" for byte in BYTES), *map("".join, MERGES), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=MERGES, **{"model_max_length": MAX_TEXT_LENGTH, **overrides})


def tiny_clip_config(**overrides) -> CLIPTextConfig:
    sizes = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 12,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "max_position_embeddings": MAX_TEXT_LENGTH,
        "pad_token_id": EOS,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "initializer_factor": 10.0,  # as it is, a random CLIP hardly tells texts apart
    }
    return CLIPTextConfig(**{**sizes, **overrides})


def tiny_clip_model(**overrides) -> CLIPTextModel:
    torch.manual_seed(5)
    return CLIPTextModel(tiny_clip_config(**overrides)).eval()


def tiny_nuwa_config(**overrides) -> NuwaConfig:
    text = {"text_encoder_config": tiny_clip_config().to_dict(), "vocab_size": VOCAB_SIZE, "pad_token_id": EOS}
    return tiny_config(**{**text, **overrides})


def tiny_nuwa(**overrides) -> NuwaForConditionalGeneration:
    torch.manual_seed(2)
    return NuwaForConditionalGeneration(tiny_nuwa_config(**overrides)).eval()


def tiny_whole_clip() -> tuple[CLIPModel, CLIPProcessor]:
    """A random CLIP of a few numbers that knows the letters of the captions."""
    letters = sorted(set("".join(CAPTIONS)) - {" "})
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=24)
    shared = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "initializer_range": 0.5,
    }
    text = {**shared, "vocab_size": len(words), "max_position_embeddings": 24, "bos_token_id": 0, "eos_token_id": 1}
    vision = {**shared, "image_size": 8, "patch_size": 4}
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8})
    return model.eval(), CLIPProcessor(pictures, tokenizer)
