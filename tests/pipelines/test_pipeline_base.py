# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import shutil
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import DiffusionPipeline, PipelineQuantizationConfig
from diffusers.pipelines import pipeline_loading_utils
from tiny import tiny_codecs, tiny_pipeline, tiny_tokenizer, tiny_transformer, tiny_vqgan, tiny_vqmodel
from tiny_clip import tiny_clip_tokenizer, tiny_nuwa
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer

import nuwa_hf
from nuwa_hf import NuwaInt8Config, NuwaProcessor, NuwaTextToVideoPipeline, NuwaVQGAN


PROMPT = "a red apple rolls to the left"


def frames_of(pipeline, **kwargs):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(PROMPT, generator=torch.Generator().manual_seed(0), output_type="pt", **kwargs).frames


@pytest.fixture
def copy(checkpoint, tmp_path):
    """A checkpoint to break."""
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.mark.parametrize(("loader", "kind"), [(NuwaTextToVideoPipeline, Path), (DiffusionPipeline, str)])
def test_saved_pipeline_makes_the_same_frames(checkpoint, loader, kind):
    loaded = loader.from_pretrained(kind(checkpoint))
    assert type(loaded) is NuwaTextToVideoPipeline
    assert torch.equal(frames_of(loaded), frames_of(tiny_pipeline()))


@pytest.mark.parametrize("reads_by_clip", [False, True])
def test_a_call_leaves_no_trace_in_what_is_saved(reads_by_clip, tmp_path):
    """The padding and the truncation of its texts were saved with the tokenizer."""
    clip = {"transformer": tiny_nuwa(), "tokenizer": tiny_clip_tokenizer()}
    pipeline = tiny_pipeline(**(clip if reads_by_clip else {}))
    for name in ("before", "after"):
        pipeline.save_pretrained(tmp_path / name)
        frames_of(pipeline)
    files = [path for path in (tmp_path / "before").rglob("*") if path.is_file()]
    after = [tmp_path / "after" / path.relative_to(tmp_path / "before") for path in files]
    assert "tokenizer.json" in [path.name for path in files]
    assert [one for one, other in zip(files, after, strict=True) if one.read_bytes() != other.read_bytes()] == []


def test_checkpoint_names_components_shortly(checkpoint):
    index = json.loads((checkpoint / "model_index.json").read_text())
    assert index["_class_name"] == "NuwaTextToVideoPipeline"
    assert index["transformer"] == ["nuwa_hf", "NuwaForConditionalGeneration"]
    assert index["vqgan"] == ["nuwa_hf", "NuwaVQGAN"]
    assert index["tokenizer"] == ["nuwa_hf", "NuwaTokenizer"]
    assert index["sketch_vqgan"] == ["nuwa_hf", "NuwaVQGAN"]


def test_variant_is_saved_and_loaded(tmp_path):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path, variant="fp16")
    assert (tmp_path / "transformer" / "model.fp16.safetensors").is_file()
    assert (tmp_path / "vqgan" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    loaded = NuwaTextToVideoPipeline.from_pretrained(tmp_path, variant="fp16")
    assert torch.equal(frames_of(loaded), frames_of(pipeline))
    assert NuwaProcessor.from_pretrained(tmp_path, variant="fp16").vqgan.dtype == torch.float32
    with pytest.raises(OSError, match=r"`variant` must be 'fp16', .* got None; load with variant='fp16'"):
        NuwaTextToVideoPipeline.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="load with variant='fp16'"):
        NuwaProcessor.from_pretrained(tmp_path)


def test_shards_are_saved_and_loaded(tmp_path):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list((tmp_path / "transformer").glob("model-*.safetensors"))) > 1
    assert torch.equal(frames_of(NuwaTextToVideoPipeline.from_pretrained(tmp_path)), frames_of(pipeline))


def test_component_given_at_load_is_used(checkpoint):
    transformer = tiny_transformer(num_decoder_layers=1)
    assert NuwaTextToVideoPipeline.from_pretrained(checkpoint, transformer=transformer).transformer is transformer


def test_codec_of_another_class_replaces_the_saved_one(checkpoint, tmp_path):
    codecs = tiny_codecs("vqmodel")
    loaded = NuwaTextToVideoPipeline.from_pretrained(checkpoint, **codecs)
    assert (loaded.vqgan, loaded.sketch_vqgan) == tuple(codecs.values())
    expected = frames_of(tiny_pipeline(**codecs))
    assert torch.equal(frames_of(loaded), expected)
    loaded.save_pretrained(tmp_path)
    again = DiffusionPipeline.from_pretrained(tmp_path)
    assert type(again.vqgan) is type(again.sketch_vqgan) is diffusers.VQModel
    assert torch.equal(frames_of(again), expected)


@pytest.mark.parametrize(
    ("codec", "error", "message"),
    [
        (lambda: tiny_vqmodel(codebook_size=16), ValueError, "the same `codebook_size`, got 16 and 32"),
        (tiny_transformer, TypeError, "a codec must have `codebook_size`"),
    ],
)
def test_codec_that_does_not_fit_is_refused_in_place_of_the_saved_one(checkpoint, codec, error, message):
    with pytest.raises(error, match=message):
        NuwaTextToVideoPipeline.from_pretrained(checkpoint, vqgan=codec())


def test_from_pipe_takes_components_and_casts_when_asked():
    pipeline, codec = tiny_pipeline(), tiny_vqgan()
    assert NuwaTextToVideoPipeline.from_pipe(pipeline, vqgan=codec).vqgan is codec
    assert NuwaTextToVideoPipeline.from_pipe(pipeline, dtype=torch.bfloat16).transformer.dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_dtypes_are_taken_by_name_as_transformers_takes_them(checkpoint, name):
    def dtypes(value):
        loaded = NuwaTextToVideoPipeline.from_pretrained(checkpoint, **{name: value})
        return loaded.transformer.dtype, loaded.vqgan.dtype

    assert dtypes("bfloat16") == dtypes("torch.bfloat16") == (torch.bfloat16, torch.bfloat16)
    assert dtypes({"vqgan": "bfloat16", "default": torch.float32}) == (torch.float32, torch.bfloat16)
    codec = NuwaVQGAN.from_pretrained(checkpoint / "vqgan", **{name: "float16"})
    assert codec.dtype == torch.float16
    for load in (
        lambda: NuwaTextToVideoPipeline.from_pretrained(checkpoint, **{name: "auto"}),
        lambda: NuwaTextToVideoPipeline.from_pipe(tiny_pipeline(), **{name: "int64"}),
        lambda: NuwaVQGAN.from_pretrained(checkpoint / "vqgan", **{name: "bf16"}),
    ):
        with pytest.raises(ValueError, match=rf"^`{name}` must be a floating point dtype"):
            load()


@pytest.mark.parametrize("loader", [NuwaTextToVideoPipeline, DiffusionPipeline])
def test_components_on_several_devices_are_refused(loader, tmp_path, monkeypatch):
    """Every call failed: the text was on the device of the codec."""
    pipeline = tiny_pipeline(sketch_vqgan=None)
    pipeline.save_pretrained(tmp_path)
    models = {name: getattr(pipeline, name) for name in ("vqgan", "transformer")}  # no such device to load them onto

    def load(*gpus):
        memory = dict.fromkeys((*gpus, "cpu"), 2**30)
        monkeypatch.setattr(pipeline_loading_utils, "get_max_memory", lambda limits: memory)
        return loader.from_pretrained(tmp_path, device_map="balanced", **models)

    with pytest.raises(ValueError, match=r"`device_map` must leave all components on one device, got .*'vqgan': 1"):
        load(0, 1)
    assert load(0).hf_device_map == dict.fromkeys(models, 0)
    assert loader.from_pretrained(tmp_path, device_map="cpu").hf_device_map == "cpu"


@pytest.mark.parametrize(
    "device", [("cuda",), ("cuda:1", torch.float32), (torch.device("cuda"),), {"device": "cuda"}], ids=str
)
def test_8_bit_pipeline_is_not_moved_in_part(checkpoint, device):
    """The codecs went first, and only then the transformer refused to follow."""
    config = PipelineQuantizationConfig(quant_mapping={"transformer": NuwaInt8Config()})
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint, quantization_config=config)
    arguments = ((), device) if isinstance(device, dict) else (device, {})
    with pytest.raises(ValueError, match="runs on the CPU, got the device 'cuda"):
        pipeline.to(*arguments[0], **arguments[1])
    models = (pipeline.vqgan, pipeline.sketch_vqgan, pipeline.transformer)
    assert {tensor.device.type for model in models for tensor in model.state_dict().values()} == {"cpu"}
    assert pipeline.to("cpu", torch.bfloat16).vqgan.dtype == torch.bfloat16
    assert pipeline.to(torch.float32).vqgan.dtype == torch.float32


@pytest.mark.parametrize(
    "offload", ["enable_model_cpu_offload", "enable_sequential_cpu_offload", "enable_group_offload"]
)
def test_8_bit_pipeline_is_not_offloaded_from_another_device(offload, checkpoint):
    """The first call failed."""
    config = PipelineQuantizationConfig(quant_mapping={"transformer": NuwaInt8Config()})
    pipeline = NuwaTextToVideoPipeline.from_pretrained(checkpoint, quantization_config=config)
    name = "onload_device" if offload == "enable_group_offload" else "device"
    with pytest.raises(ValueError, match="runs on the CPU, got the device 'cuda'"):
        getattr(pipeline, offload)(**{name: torch.device("cuda")})


def test_from_pipe_names_the_components_it_misses():
    class Foreign(DiffusionPipeline):
        def __init__(self, vqgan):
            super().__init__()
            self.register_modules(vqgan=vqgan)

    with pytest.raises(ValueError, match="the components tokenizer, transformer, got Foreign"):
        NuwaTextToVideoPipeline.from_pipe(Foreign(tiny_vqgan()))


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"vqgan": {"codebook_size": 16}}, "the same `codebook_size`, got 16 and 32"),
        ({"transformer": {"vocab_size": 60}}, "at most 60 tokens"),
        # Drawn in full, and then no picture; what was given met an error that told to add an axis.
        ({"vqgan": {"in_channels": 25, "out_channels": 25}}, r"3 channels of pictures, got 25; .* as `sketch_vqgan`"),
    ],
)
def test_components_that_do_not_fit_are_refused(components, message):
    with pytest.raises(ValueError, match=message):
        NuwaTextToVideoPipeline(
            vqgan=tiny_vqgan(**components.get("vqgan", {})),
            transformer=tiny_transformer(**components.get("transformer", {})),
            tokenizer=tiny_tokenizer(),
        )


@pytest.mark.parametrize(
    "missing",
    [
        "model_index.json",
        "transformer",
        "vqgan",
        "tokenizer",
        "transformer/config.json",
        "transformer/model.safetensors",
        "vqgan/config.json",
        "vqgan/diffusion_pytorch_model.safetensors",
        "tokenizer/tokenizer.json",
    ],
)
def test_half_a_checkpoint_is_refused_by_the_name_of_what_is_missing(copy, missing):
    path = copy / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    what = "no weights" if path.suffix == ".safetensors" else path.name
    with pytest.raises(OSError, match=rf"checkpoint: .*{what}") as error:
        NuwaTextToVideoPipeline.from_pretrained(copy)
    assert str(copy) in str(error.value)


def test_missing_part_is_fine_if_it_is_given(copy):
    shutil.rmtree(copy / "transformer")
    assert NuwaTextToVideoPipeline.from_pretrained(copy, transformer=tiny_transformer()).vqgan is not None


def test_missing_shard_is_named(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path, max_shard_size="20KB")
    shard = sorted((tmp_path / "transformer").glob("model-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(OSError, match=shard.name):
        NuwaTextToVideoPipeline.from_pretrained(tmp_path)


def test_weights_that_are_cut_off_are_named(copy):
    weights = copy / "transformer" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(OSError, match=r"model\.safetensors is cut off"):
        NuwaTextToVideoPipeline.from_pretrained(copy)


def test_index_that_is_no_json_is_named(copy):
    (copy / "model_index.json").write_text("{")
    with pytest.raises(OSError, match="is not valid JSON"):
        NuwaTextToVideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize(
    "name", ["./nowhere", "/nowhere/at/all", "a/b/c", Path("runs/final"), r"C:\runs\x", r"runs\x", "C:/runs"]
)
def test_folder_that_does_not_exist_is_not_taken_for_a_hub_id(name):
    with pytest.raises(OSError, match="does not exist; give a folder"):
        NuwaTextToVideoPipeline.from_pretrained(name)


def test_hub_id_goes_to_the_hub():
    with pytest.raises(
        OSError, match=r"no-such-repository' from the Hub: .*(OFFLINE|connection)"
    ):  # tests are offline
        NuwaTextToVideoPipeline.from_pretrained("nuwa-hf/no-such-repository")


def test_auto_classes_know_the_components(checkpoint):
    assert isinstance(AutoConfig.from_pretrained(checkpoint / "transformer"), nuwa_hf.NuwaConfig)
    assert isinstance(AutoModel.from_pretrained(checkpoint / "transformer"), nuwa_hf.NuwaModel)
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint / "transformer")
    assert isinstance(model, nuwa_hf.NuwaForConditionalGeneration)
    assert isinstance(AutoTokenizer.from_pretrained(checkpoint / "tokenizer"), nuwa_hf.NuwaTokenizer)
    assert isinstance(diffusers.AutoModel.from_pretrained(str(checkpoint), subfolder="vqgan"), nuwa_hf.NuwaVQGAN)
