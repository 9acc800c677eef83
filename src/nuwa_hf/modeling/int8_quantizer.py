# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""8-bit weights through `from_pretrained(..., quantization_config=NuwaInt8Config())`, as in transformers' methods."""

from typing import Any

import transformers
from torch import nn
from transformers.core_model_loading import ConversionOps
from transformers.modeling_utils import PreTrainedModel
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.quantizers.quantizers_utils import should_convert_module
from transformers.utils.quantization_config import QuantizationConfigMixin

from nuwa_hf.modeling.int8_linear import OTHER_DEVICES, Int8Linear, quantize_rows


QUANT_METHOD = "nuwa_int8"
TEXT_ENCODER = r"(.*\.)?text_encoder"  # CLIP runs once per prompt and was trained elsewhere, so it stays as it is


@register_quantization_config(QUANT_METHOD)
class NuwaInt8Config(QuantizationConfigMixin):
    """Load NUWA with 8-bit weights on a CPU: a quarter of the memory of float32, and faster.

    The head and every linear layer of the encoder and the decoder become `Int8Linear`. Embeddings and norms stay in
    floating point, and so does a CLIP text encoder.

    Args:
        modules_to_not_convert (`list[str]`, *optional*): names of modules to leave in floating point with everything
            in them, such as `"head"` or `"model.decoder.layers.0"`; regular expressions work too.
        quant_method (`str`, defaults to `"nuwa_int8"`): the method's name in a saved `config.json`.

    Raises:
        ValueError: If `quant_method` is any other name.
    """

    def __init__(self, modules_to_not_convert: list[str] | None = None, quant_method: str = "nuwa_int8"):
        if quant_method != QUANT_METHOD:
            raise ValueError(
                f"`quant_method` must be {QUANT_METHOD!r}, got {quant_method!r}; other methods have configurations of "
                "their own."
            )
        self.quant_method = quant_method
        self.modules_to_not_convert = modules_to_not_convert


class _QuantizeWeight(ConversionOps):
    """Turns one weight of a checkpoint into the two tensors of an `Int8Linear` while it is loaded."""

    def __init__(self, hf_quantizer: HfQuantizer):
        self.hf_quantizer = hf_quantizer

    def convert(self, input_dict: dict[str, Any], full_layer_name: str | None = None, **_: Any) -> dict[str, Any]:
        (value,) = input_dict.values()
        rows, step = quantize_rows((value[0] if isinstance(value, list) else value).float())
        module_name = full_layer_name.removesuffix("weight")
        return {full_layer_name: nn.Parameter(rows, requires_grad=False), f"{module_name}scale": step.squeeze(-1)}


@register_quantizer(QUANT_METHOD)
class NuwaInt8Quantizer(HfQuantizer):
    """Applies `NuwaInt8Config` to a model while it is loaded."""

    quantization_config: NuwaInt8Config
    quantized_element_size = 1

    def validate_environment(self, device_map=None, **_: Any) -> None:
        """Check that a device map names only the CPU.

        Args:
            device_map (`dict` or `str`, *optional*): the argument of `from_pretrained`.

        Raises:
            ValueError: If it names another device.
        """
        devices = set(map(str, device_map.values())) if isinstance(device_map, dict) else {str(device_map)}
        if not devices <= {"None", "auto", "cpu"}:
            raise ValueError(
                f"`device_map` must be the CPU for 8-bit weights of {type(self.quantization_config).__name__}, got "
                f"{device_map!r}; {OTHER_DEVICES}."
            )

    def update_device_map(self, device_map):
        """Replace `"auto"` by the CPU."""
        return {"": "cpu"} if device_map == "auto" else device_map

    def param_needs_quantization(self, model: PreTrainedModel, param_name: str, **_: Any) -> bool:
        """Whether a parameter of the checkpoint is a floating-point weight that becomes 8-bit."""
        module_name, _, name = param_name.rpartition(".")
        return not self.pre_quantized and name == "weight" and isinstance(model.get_submodule(module_name), Int8Linear)

    def get_quantize_ops(self) -> ConversionOps:
        """The operation that quantises one weight."""
        return _QuantizeWeight(self)

    def is_serializable(self) -> bool:
        """Whether a model can be saved: it can, and it loads again without a quantization configuration."""
        return True

    @property
    def is_trainable(self) -> bool:
        """Whether a model can be trained: it cannot."""
        return False

    def _process_model_before_weight_loading(self, model: PreTrainedModel, **_: Any) -> PreTrainedModel:
        kept = [TEXT_ENCODER, *(self.quantization_config.modules_to_not_convert or [])]
        chosen = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and should_convert_module(name, kept)
        }
        for name, module in chosen.items():
            bias = module.bias
            layer = Int8Linear(
                module.in_features,
                module.out_features,
                bias=bias is not None,
                device="meta",
                dtype=None if bias is None else bias.dtype,
            )
            model.set_submodule(name, layer)
        # A weight is read in full precision and rounded once, whatever the `dtype` of the rest of the model.
        model._keep_in_fp32_modules_strict = {
            *(model._keep_in_fp32_modules_strict or ()),
            *(f"{name}.weight" for name in chosen),
        }
        return model

    def _process_model_after_weight_loading(self, model: PreTrainedModel, **_: Any) -> PreTrainedModel:
        layers = [module for module in model.modules() if isinstance(module, Int8Linear)]
        if layers and not any(layer.weight.any() for layer in layers):
            raise RuntimeError(
                f"The 8-bit weights must not all be zero, but those of all {len(layers)} layers are: either the "
                f"checkpoint holds zeros, or this version of transformers, {transformers.__version__}, does not load "
                "them; use transformers 5.23 or newer."
            )
        return model.requires_grad_(False)
