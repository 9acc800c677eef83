# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors

PYTHON ?= python3

.DELETE_ON_ERROR:
.PHONY: help style quality test test-one-half test-other-half test-slow test-fresh test-min test-newest wheel docs ci demo-checkpoint

help:  ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST)

style:  ## Format the code and mend what ruff can mend
	ruff check --fix .
	ruff format .

quality:  ## What CI checks
	ruff check .
	ruff format --check .

# What takes about as long as all other tests together.
ONE_HALF = $(addprefix tests/,cli conversion datasets evaluation examples hub media repo training)

test:  ## The default tests, in two processes side by side
	@$(MAKE) --jobs=2 --keep-going --no-print-directory test-one-half test-other-half

test-one-half:
	pytest $(ONE_HALF)

test-other-half:
	pytest $(addprefix --ignore=,$(ONE_HALF))

test-slow:  ## The tests that take minutes
	pytest -m slow

test-fresh:  ## Without the package installed, and from its wheel, in environments of their own
	pytest -m fresh

test-min:  ## The tests with the lowest versions that setup.py allows, in the environment .venv-min
	$(PYTHON) -m venv .venv-min
	.venv-min/bin/pip install --quiet -c constraints-min.txt -e ".[test]"
	.venv-min/bin/pytest

test-newest:  ## The tests with the newest versions of everything, in the environment .venv-newest
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/pip install --quiet --upgrade --upgrade-strategy eager -e ".[test]"
	.venv-newest/bin/pytest

wheel:  ## The sdist and the wheel, in dist; NUWA_HF_REPOSITORY=https://... makes the README's links lead there
	python -m build

docs:  ## The documentation as a site, into build/site/html
	python docs/site/build_site.py

ci:  ## All but the slow tests and those of Ray, from an environment of its own
	.ci/run

# ------------------------------------------------------------------ the embedded checkpoint, from nothing

RUN ?= runs/emoji-motion
CHECKPOINT ?= src/nuwa_hf/checkpoints/emoji-motion
CONFIGS ?= src/nuwa_hf/training/configs
SETTING ?= small-128
SKETCH_SETTING ?= small
SEED ?= 0
NUM_COUNT_CLIPS ?= 2048
NUM_CLIPS ?= 24576
NUM_VAL_CLIPS ?= 256
NUM_CODES ?= 160
HOURS ?= about 8
HARDWARE ?= 2 CPU cores

TOKENIZER_FLAGS ?=
PERCEPTUAL_FLAGS ?= --perceptual_weights $(RUN)/lite0.safetensors
VQGAN_FLAGS ?= --config $(CONFIGS)/emoji_motion_vqgan.yaml $(PERCEPTUAL_FLAGS)
SKETCH_VQGAN_FLAGS ?= --config $(CONFIGS)/emoji_motion_sketch_vqgan.yaml
JUDGE_FLAGS ?=
CODEC_GATE_FLAGS ?= --num_samples 400 --require object=0.98 motion=0.98 psnr-things=24
NUWA_FLAGS ?= --config $(CONFIGS)/emoji_motion_nuwa.yaml
EVALUATE_FLAGS ?= --require object-and-motion=0.6 whole=0.7

CODEC = $(RUN)/merged/vqgan
SKETCH_CODEC = $(RUN)/sketch_vqgan/vqgan
TOKENIZE = nuwa-hf tokenize --setting $(SETTING) --seed $(SEED) --tokenizer $(RUN)/tokenizer

$(RUN)/lite0.safetensors:
	mkdir -p $(RUN)
	python conversion_scripts/convert_efficientnet_lite0.py $@

# A step that was stopped goes on where it was; the gates end the recipe if the codec or the clips are not good enough.
demo-checkpoint: $(RUN)/lite0.safetensors  ## Rebuild the embedded checkpoint: tokenizer, codecs, judges, transformer, scores
	nuwa-hf train-tokenizer --setting $(SETTING) --seed $(SEED) --output_dir $(RUN)/tokenizer $(TOKENIZER_FLAGS)
	nuwa-hf train-vqgan $(VQGAN_FLAGS) --setting $(SETTING) --seed $(SEED) --output_dir $(RUN)/vqgan
	nuwa-hf train-vqgan $(SKETCH_VQGAN_FLAGS) --setting $(SKETCH_SETTING) --seed $(SEED) --output_dir $(RUN)/sketch_vqgan
	nuwa-hf train-judges --setting $(SETTING) --seed $(SEED) --output_dir $(RUN)/judges $(JUDGE_FLAGS)
	$(TOKENIZE) --vqgan $(RUN)/vqgan/vqgan --num_clips $(NUM_COUNT_CLIPS) --output_dir $(RUN)/tokens/count
	nuwa-hf merge-codes --vqgan $(RUN)/vqgan/vqgan --tokens $(RUN)/tokens/count --codebook_size $(NUM_CODES) \
		--output_dir $(RUN)/merged
	nuwa-hf evaluate --vqgan $(CODEC) --dataset emoji-motion --setting $(SETTING) --task text-to-video \
		--metrics object background motion object-and-motion every-frame whole psnr-things \
		--features judges=$(RUN)/judges $(CODEC_GATE_FLAGS)
	$(TOKENIZE) --vqgan $(CODEC) --sketch_vqgan $(SKETCH_CODEC) --num_clips $(NUM_CLIPS) --output_dir $(RUN)/tokens/train
	$(TOKENIZE) --vqgan $(CODEC) --sketch_vqgan $(SKETCH_CODEC) --split val --num_clips $(NUM_VAL_CLIPS) \
		--output_dir $(RUN)/tokens/val
	nuwa-hf train $(NUWA_FLAGS) --seed $(SEED) --vqgan $(CODEC) --sketch_vqgan $(SKETCH_CODEC) --tokenizer $(RUN)/tokenizer \
		--tokens $(RUN)/tokens/train --validation_tokens $(RUN)/tokens/val --output_dir $(RUN)/nuwa
	nuwa-hf evaluate --protocol emoji-motion --setting $(SETTING) --checkpoint $(RUN)/nuwa/pipeline \
		--features judges=$(RUN)/judges --output $(RUN)/scores.json $(EVALUATE_FLAGS)
	rm -rf $(CHECKPOINT)
	mkdir -p $(dir $(CHECKPOINT))
	cp -r $(RUN)/nuwa/pipeline $(CHECKPOINT)
	rm -r $(CHECKPOINT)/samples
	python -m nuwa_hf.cards.score_card --checkpoint $(CHECKPOINT) --scores $(RUN)/scores.json \
		--page docs/scores.md --short_page README.md --hours "$(HOURS)" --hardware "$(HARDWARE)"
	python docs/images/make_text_to_video_gif.py
	python docs/images/make_gallery.py
