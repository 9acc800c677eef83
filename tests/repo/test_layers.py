# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Lower modules never import higher ones."""

import ast
from pathlib import Path

import pytest


SOURCE = Path(__file__).parents[2] / "src"

# From low to high. A module may import what stands on a lower line and what has its own prefix, nothing else: two
# prefixes of one line do not know each other. The longest prefix that fits a module is its own.
LAYERS = (
    ("grid", "tasks", "lazy_names", "after_import", "argument_docs", "storage"),
    ("media",),
    ("metrics", "hub"),
    ("nearby_attention", "modeling.configuration_nuwa", "modeling.modeling_outputs"),
    ("generation",),
    ("modeling.text_ids", "modeling.laid_out_weights", "modeling.sampling_arguments"),
    ("modeling.attention", "modeling.embeddings", "modeling.token_checks"),
    ("modeling.feed_forward", "modeling.int8_linear", "modeling.sampling_call"),
    ("modeling.int8_quantizer",),
    ("modeling.condition_encoder", "modeling.token_decoder", "modeling.clip_text", "modeling.generation_mixin"),
    ("modeling.modeling_nuwa",),
    ("modeling.likelihood", "modeling.sampling_memory"),
    ("pipelines",),
    ("cards",),
    ("training.run",),
    ("training.tokens",),
    ("training.vqgan",),
    ("training.nuwa",),
    ("training",),
    ("conversion",),
    ("evaluation.judges",),
    ("evaluation.tasks",),
    ("evaluation",),
    ("registration",),
    ("",),  # the package itself
    ("cli",),
)

# These stand beside the transformer: each may import itself and what is listed, and any layer above the transformer,
# or the package itself, may import it.
BESIDE = {
    "datasets": ("media",),
    "modeling.tokenization_nuwa": (),
    "modeling.quantizer": (),
    "modeling.tiling": (),
    "modeling.class_maps": (),
    "modeling.fsq_quantizer": ("modeling.quantizer",),
    "modeling.codec": ("grid", "modeling.quantizer"),
    "modeling.vqgan_outputs": (),
    "modeling.vqgan_configuration": ("modeling.codec", "modeling.fsq_quantizer"),
    "modeling.autoencoder_vqgan": (
        *("grid", "modeling.quantizer", "modeling.fsq_quantizer", "modeling.tiling", "modeling.codec"),
        *("modeling.vqgan_outputs", "modeling.vqgan_configuration"),
    ),
    "modeling": (),
}

PREFIXES = {prefix: rank for rank, layer in enumerate(LAYERS) for prefix in layer}


def module_name(path):
    parts = path.relative_to(SOURCE / "nuwa_hf").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in sorted((SOURCE / "nuwa_hf").rglob("*.py"))}


def prefix_of(module):
    if module in ("", "modeling"):
        return module
    fitting = [p for p in (*PREFIXES, *BESIDE) if p not in ("", "modeling") and f"{module}.".startswith(f"{p}.")]
    return max(fitting, key=len) if fitting else None


def imports_of(module):
    """The modules of ours that a module imports, wherever the import stands."""
    path = MODULES[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(SOURCE).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "nuwa_hf":
                target = name.removeprefix("nuwa_hf").removeprefix(".")
                # The last part may be a name within the module.
                yield target if target in MODULES else target.rpartition(".")[0]


def test_every_module_has_a_layer():
    assert [module for module in MODULES if prefix_of(module) is None] == []


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_what_is_lower(module):
    own = prefix_of(module)
    for target in imports_of(module):
        other = prefix_of(target)
        if other == own:
            continue
        if own in BESIDE:
            allowed = other in BESIDE[own]
        elif other in BESIDE:
            allowed = PREFIXES[own] > PREFIXES["modeling.modeling_nuwa"]
        else:
            allowed = PREFIXES[other] < PREFIXES[own]
        assert allowed, f"nuwa_hf.{module} must not import nuwa_hf.{target}"


def test_nothing_imports_the_command_line():
    importers = {module for module in MODULES for target in imports_of(module) if prefix_of(target) == "cli"}
    assert {module for module in importers if prefix_of(module) != "cli"} == set()
