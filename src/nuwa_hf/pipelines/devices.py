# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Where the components of a pipeline may lie: all on one device, and 8-bit weights on the CPU."""

from inspect import signature
from typing import Any, Self

import torch
from diffusers import DiffusionPipeline
from diffusers.utils.torch_utils import get_device
from torch import nn
from transformers import PreTrainedModel

from nuwa_hf.modeling.int8_linear import check_is_cpu
from nuwa_hf.modeling.int8_quantizer import QUANT_METHOD


class DevicesMixin:
    """Checks of devices for `NuwaPipelineBase`, which has the components."""

    _device_map = None

    @property
    def hf_device_map(self) -> dict[str, int | str] | str | None:
        """What became of the argument `device_map` of `from_pretrained`: the devices of the components by name."""
        return self._device_map

    @hf_device_map.setter
    def hf_device_map(self, value: dict[str, int | str] | str | None) -> None:
        # Here, since `from_pretrained` of whatever class sets it when the components are loaded.
        if isinstance(value, dict) and len(set(map(str, value.values()))) > 1:
            raise ValueError(
                f"`device_map` must leave all components on one device, got {value}; a call makes its texts and tokens"
                ' there, so load with `device_map="cuda"`, or without one and call `.to("cuda")`.'
            )
        self._device_map = value

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast the components, as diffusers does.

        Args:
            args: a device, a dtype, or a device and a dtype.
            kwargs: everything that `DiffusionPipeline.to` takes, such as `device` and `dtype`.

        Returns:
            The pipeline itself.

        Raises:
            ValueError: If the transformer has 8-bit weights, which run on the CPU, and the device is another one. No
                component has been moved then.
        """
        devices = [one for one in (*args, kwargs.get("device")) if isinstance(one, str | int | torch.device)]
        if devices:
            self._check_runs_on(devices[0])
        return super().to(*args, **kwargs)

    def enable_model_cpu_offload(self, gpu_id: int | None = None, device: torch.device | str | None = None) -> None:
        """Keep each component on the CPU until it is used, as diffusers does.

        Args:
            gpu_id (`int`, *optional*): the number of the accelerator.
            device (`torch.device` or `str`, *optional*): the accelerator; by default the one that is there.

        Raises:
            ValueError: If the transformer is in a wrapper such as `peft.PeftModel`, or has 8-bit weights, which run on
                the CPU.
        """
        _check_is_no_wrapper(getattr(self.transformer, "_orig_mod", self.transformer))  # has accelerate's hook too
        self._check_runs_on(device or get_device())
        super().enable_model_cpu_offload(gpu_id, device)

    def enable_sequential_cpu_offload(
        self, gpu_id: int | None = None, device: torch.device | str | None = None
    ) -> None:
        """Keep each layer on the CPU until it is used, as diffusers does.

        Args:
            gpu_id (`int`, *optional*): the number of the accelerator.
            device (`torch.device` or `str`, *optional*): the accelerator; by default the one that is there.

        Raises:
            ValueError: If the transformer has 8-bit weights, which run on the CPU.
        """
        self._check_runs_on(device or get_device())
        super().enable_sequential_cpu_offload(gpu_id, device)

    def enable_group_offload(self, *args: Any, **kwargs: Any) -> None:
        """Keep groups of layers on the CPU or on disk until they are used, as diffusers does.

        Args:
            args: those of `DiffusionPipeline.enable_group_offload`.
            kwargs: likewise.

        Raises:
            ValueError: If the groups are blocks and the transformer is in a wrapper such as `peft.PeftModel`, it has
                8-bit weights, which run on the CPU, or a codec that cannot be offloaded so is not excluded. Nothing
                has changed then.
        """
        given = signature(DiffusionPipeline.enable_group_offload).bind(self, *args, **kwargs)
        given.apply_defaults()
        excluded = given.arguments["exclude_modules"] or []
        excluded = [excluded] if isinstance(excluded, str) else list(excluded)
        if "transformer" not in excluded:
            self._check_runs_on(given.arguments["onload_device"])
            if given.arguments["offload_type"] == "block_level":
                _check_is_no_wrapper(self.transformer)
        self._check_codecs_have_groups(excluded, given.arguments["offload_to_disk_path"])
        super().enable_group_offload(*args, **kwargs)

    def _check_codecs_have_groups(self, excluded: list[str], folder: str | None) -> None:
        names = ("vqgan", "sketch_vqgan")
        codecs = {name: getattr(self, name) for name in names if name not in excluded}
        codecs = {name: codec for name, codec in codecs.items() if isinstance(codec, nn.Module)}
        without = [name for name, codec in codecs.items() if not getattr(codec, "_supports_group_offloading", True)]
        if without:
            raise ValueError(
                f"`exclude_modules` must name the codecs that have no group offloading, {', '.join(without)}, "
                f"got {excluded}; give exclude_modules={[*excluded, *without]}, which stay on the device."
            )
        if folder is not None and len(codecs) == len(names):
            raise ValueError(
                "`exclude_modules` must name one of two codecs with `offload_to_disk_path`, where their files would "
                f"have the same names, got {excluded}; give exclude_modules={[*excluded, 'sketch_vqgan']}, which stay "
                "on the device."
            )

    def _check_runs_on(self, device: str | int | torch.device) -> None:
        if getattr(self.transformer, "quantization_method", None) == QUANT_METHOD:
            check_is_cpu(torch.device(device))


def _check_is_no_wrapper(transformer: nn.Module | None) -> None:
    """Check that a call of the transformer's `generate` passes the hook that is put onto the component."""
    if transformer is not None and not isinstance(transformer, PreTrainedModel):
        raise ValueError(
            f"`transformer` must be a model of transformers where it is offloaded, got {type(transformer).__name__}, "
            "whose `generate` runs the model within, without its weights; put that into the pipeline: "
            "`merge_and_unload()` of a `PeftModel`, `_orig_mod` of what `torch.compile` returned."
        )
