# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
from tiny import tiny_vqgan

from nuwa_hf.datasets.moving_mnist import combinations
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.training.tokens.inspect_dataset import main as inspect
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.tokens.tokenize_dataset import main as tokenize
from nuwa_hf.training.tokens.train_tokenizer import main as train_tokenizer
from nuwa_hf.training.vqgan.train_vqgan import main as train_vqgan
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


def test_words_and_tokens_of_moving_mnist_are_made_without_its_package(tmp_path):
    train_tokenizer(["--dataset", "moving-mnist", "--output_dir", str(tmp_path / "tokenizer")])
    tiny_vqgan(sample_size=64).save_pretrained(tmp_path / "vqgan")
    flags = {"vqgan": tmp_path / "vqgan", "tokenizer": tmp_path / "tokenizer", "output_dir": tmp_path / "tokens"}
    named = {"dataset": "moving-mnist-1", "sprites": "shapes", "split": "zeroshot", "num_clips": 3, **flags}
    tokenize([word for name, value in named.items() for word in (f"--{name}", str(value))])
    tokens, metadata = TokenFiles.load(tmp_path / "tokens"), read_metadata(tmp_path / "tokens")
    assert tokens.video_tokens.shape == (3, 10, 32, 32)
    assert (metadata["dataset"], metadata["split"], metadata["frame_rate"]) == ("moving-mnist-1", "zeroshot", 4)
    texts = load_text_tokenizer(tmp_path / "tokenizer").batch_decode(tokens.caption_ids[:], skip_special_tokens=True)
    held_out = {f"digit {digit} is moving {motion} ." for ((digit, motion),) in combinations(1, held_out=True)}
    assert set(texts) <= held_out


def test_a_codec_learns_the_frames_of_moving_mnist(tmp_path):
    sizes = {"block_out_channels": ["8", "8"], "layers_per_block": ["1"], "norm_num_groups": ["4"]}
    sizes |= {"latent_channels": ["4"], "codebook_dim": ["4"], "codebook_size": ["8"], "discriminator_start": ["1"]}
    run = {"dataset": ["moving-mnist"], "sprites": ["shapes"], "max_train_steps": ["1"], "train_batch_size": ["2"]}
    run |= {"num_samples": ["2"], "device": ["cpu"], "output_dir": [str(tmp_path)]}
    train_vqgan([word for name, values in {**sizes, **run}.items() for word in (f"--{name}", *values)])
    assert (tmp_path / "vqgan" / "config.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "options", "name"),
    [
        (TokenizeArguments, {"checkpoint": "embedded", "setting": "large"}, "setting"),
        (TokenizeArguments, {"checkpoint": "embedded", "num_frames": 4}, "num_frames"),
        (VQGANArguments, {"image_size": 128}, "image_size"),
        (VQGANArguments, {"held_out_split": "val"}, "held_out_split"),
        (VQGANArguments, {"target": "sketches", "discriminator_start": 1.0}, "target"),
    ],
)
def test_what_moving_mnist_does_not_have_is_refused(arguments, options, name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        arguments(dataset="moving-mnist", output_dir="runs", **options)


@pytest.mark.parametrize("option", ["--caption_source=none", "--media_column=auto", "--num_frames=4", "--streaming"])
def test_what_only_clips_in_files_have_is_refused_by_inspect(option):
    name = option.strip("-").partition("=")[0]
    with pytest.raises(ValueError, match=f"`{name}` must be left out with moving-mnist, which lies in no files"):
        inspect(["moving-mnist", option])
