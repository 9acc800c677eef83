# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Source checkpoints as their own packages write them, with random weights, and the scripts that read them."""

import contextlib
import importlib
import importlib.util
import io
import sys
import types
from pathlib import Path

import torch
import yaml


SCRIPTS = Path(__file__).parents[2] / "conversion_scripts"
TINY = {"ch": 32, "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [8], "resolution": 16, "z_channels": 32}
F16 = {"ch": 128, "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [16], "resolution": 256}
F8 = {"ch": 128, "ch_mult": [1, 1, 2, 4], "num_res_blocks": 2, "attn_resolutions": [32], "resolution": 256}


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script(name, *arguments):
    script = load_script(name)
    return script.run_conversion(script.SCRIPT, [str(argument) for argument in arguments])


def taming_models(monkeypatch):
    """taming's own model classes; what their module imports for training is replaced by empty stand-ins."""
    lightning = types.ModuleType("pytorch_lightning")
    lightning.LightningModule = torch.nn.Module
    main = types.ModuleType("taming.main")
    # A loss has tensors, which must be dropped; a schedule has none.
    parts = {"loss": torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)), "schedule": torch.nn.Identity()}
    main.instantiate_from_config = lambda config: parts[config["target"]]
    monkeypatch.setitem(sys.modules, "pytorch_lightning", lightning)
    monkeypatch.setitem(sys.modules, "taming.main", main)
    return importlib.import_module("taming.models.vqgan")


def taming_config(kind="VQModel", sizes=TINY, channels=3, codes=64, width=32, **params):
    sizes = {"double_z": False, "z_channels": width, "dropout": 0.0, **sizes}
    sizes |= {"in_channels": channels, "out_ch": channels}
    params = {"embed_dim": width, "n_embed": codes, "ddconfig": sizes, "lossconfig": {"target": "loss"}, **params}
    if kind == "VQSegmentationModel":
        params["n_labels"] = channels
    if kind == "GumbelVQ":
        params["temperature_scheduler_config"] = {"target": "schedule"}
    return {"target": f"taming.models.vqgan.{kind}", "params": params}


def taming_model(models, config):
    """A model of taming with codes as wide as its latents: the codes it starts with are all but equal."""
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        model = getattr(models, config["target"].rpartition(".")[2])(**config["params"]).eval()
    is_gumbel = config["target"].endswith("GumbelVQ")
    side = 4 * 2 ** (len(config["params"]["ddconfig"]["ch_mult"]) - 1)
    with torch.no_grad():
        latents = model.quant_conv(model.encoder(pixels_for(config, side)))
        mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        # Latents of mean 0 and deviation 1, for which both quantisers use many of their codes.
        model.quant_conv.weight.div_(deviation[:, None, None, None])
        model.quant_conv.bias.sub_(mean).div_(deviation)
        codes = model.quantize.embed if is_gumbel else model.quantize.embedding
        codes.weight.copy_(torch.randn_like(codes.weight))
    return model


def pixels_for(config, side, batch_size=2):
    channels = config["params"]["ddconfig"]["in_channels"]
    generator = torch.Generator().manual_seed(1)
    if channels == 3:
        return torch.rand(batch_size, 3, side, side, generator=generator) * 2 - 1
    classes = torch.randint(channels, (batch_size, side, side), generator=generator)
    return torch.nn.functional.one_hot(classes, channels).permute(0, 3, 1, 2).float()


@torch.no_grad()
def taming_results(model, pixels):
    """Tokens and their pixels from taming's own model."""
    latents = model.quant_conv(model.encoder(pixels))
    if hasattr(model.quantize, "proj"):
        tokens = model.quantize.proj(latents).argmax(1)
    else:
        tokens = model.encode(pixels)[2][2].view(len(pixels), *latents.shape[2:])
    codes = model.quantize.get_codebook_entry(tokens.flatten(), (*tokens.shape, latents.shape[1]))
    return tokens, model.decode(codes)


def write_checkpoint(path, state, config, **extra):
    torch.save({"state_dict": state, "epoch": 3, "global_step": 7, **extra}, path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"model": config}), encoding="utf-8")
    return path
