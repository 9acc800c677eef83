# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Hub's rules for the metadata of the cards of models and Spaces, as far as ours have them (hub-docs, modelcard.md
and spaces-config-reference.md)."""

import re

import yaml


NAME = r"[\w.-]+"
LICENSES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "gpl-3.0", "ofl-1.1", "other"}
PIPELINE_TAGS = {"text-to-image", "text-to-video", "image-to-image", "image-to-video", "video-to-video"}
METADATA = re.compile(r"---\n(.*?)\n---\n", flags=re.DOTALL)


def is_list_of(pattern, value):
    return isinstance(value, list) and all(isinstance(entry, str) and re.fullmatch(pattern, entry) for entry in value)


RULES = {
    "license": lambda value: value in LICENSES,
    "library_name": lambda value: isinstance(value, str),
    "language": lambda value: re.fullmatch("[a-z]{2,3}", value),
    "pipeline_tag": lambda value: value in PIPELINE_TAGS,
    "tags": lambda value: is_list_of(r"\S.*", value),
    "datasets": lambda value: is_list_of(rf"{NAME}(/{NAME})?", value),
    "base_model": lambda value: isinstance(value, str) and re.fullmatch(f"{NAME}/{NAME}", value),
    "model-index": lambda value: all(model["name"] and all(map(is_result, model["results"])) for model in value),
}
SPACE_RULES = {
    "title": lambda value: isinstance(value, str),
    "emoji": lambda value: not any(letter.isascii() for letter in value),
    "sdk": lambda value: value in {"gradio", "docker", "static"},
    "sdk_version": lambda value: isinstance(value, str) and re.fullmatch(r"\d+\.\d+\.\d+", value),
    "python_version": lambda value: isinstance(value, str) and re.fullmatch(r"3\.\d+(\.\d+)?", value),
    "app_file": lambda value: value.endswith(".py"),
    "license": RULES["license"],
    "models": lambda value: is_list_of(f"{NAME}/{NAME}", value),
}


def is_result(result):
    texts = (result["task"]["type"], result["dataset"]["type"], result["dataset"]["name"])
    metrics = result["metrics"]
    return all(isinstance(text, str) and text for text in texts) and all(
        re.fullmatch(r"\w+", metric["type"]) and isinstance(metric["value"], int | float) for metric in metrics
    )


def errors_of(card, repo_type="model"):
    """What the Hub would say against a card: a list of sentences, empty for a good one."""
    rules = {"model": RULES, "space": SPACE_RULES}[repo_type]
    match = METADATA.match(card)
    if not match:
        return []  # the Hub warns of a card without metadata, and takes it
    try:
        metadata = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        return [f"the metadata are no YAML: {error}"]
    errors = []
    for name, value in metadata.items():
        try:
            is_good = rules.get(name, bool)(value)
        except (KeyError, TypeError, AttributeError):
            is_good = False
        errors += [] if is_good else [f'"{name}" must not be {value!r}']
    return errors
