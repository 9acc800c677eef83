# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest

from nuwa_hf.datasets.captions import (
    Deed,
    clip_caption,
    image_caption,
    place_phrases,
    verb_phrases,
    with_article,
)
from nuwa_hf.datasets.motions import MOTIONS
from nuwa_hf.datasets.scenes import BACKGROUNDS
from nuwa_hf.datasets.sprites import CATEGORIES


def deed(noun, category, motion, rolls=False):
    return Deed(noun, CATEGORIES.index(category), motion, rolls)


def captions(deeds, place="on the grass", count=300):
    rng = np.random.default_rng(0)
    return {clip_caption(deeds, place, rng) for _ in range(count)}


def test_readme_prompt_is_one_of_the_captions():
    assert "a red apple rolls to the left on the grass" in captions([deed("red apple", "fruit", "left", True)])


def test_captions_of_different_motions_never_agree():
    """A caption must tell the motion: no caption may be true of two of them."""
    told = [captions([deed("cat", "animal", motion)]) for motion in MOTIONS]
    assert sum(map(len, told)) == len(set().union(*told))


def test_captions_of_different_backgrounds_never_agree():
    phrases = [place_phrases(background) for background in BACKGROUNDS]
    assert sum(map(len, phrases)) == len(set().union(*phrases))


def test_rolling_thing_has_no_other_verb():
    assert verb_phrases(deed("red apple", "fruit", "left", True)) == (("rolls", "rolling"),)
    assert not any("roll" in caption for caption in captions([deed("red apple", "fruit", "left")]))


@pytest.mark.parametrize(
    ("thing", "verb"),
    [
        (("whale", "sea animal", "up"), "swims"),
        (("sailboat", "craft", "left"), "sails"),
        (("rocket", "craft", "up"), "flies"),
        (("butterfly", "bug", "left"), "flies"),
        (("snail", "bug", "left"), "crawls"),
        (("car", "vehicle", "right"), "drives"),
        (("dog", "animal", "right"), "runs"),
        (("cat", "animal", "down"), "falls"),
    ],
)
def test_verb_fits_the_thing(thing, verb):
    assert verb in {simple for simple, _ in verb_phrases(deed(*thing))}


def test_penguin_does_not_fly_and_car_does_not_drive_up():
    assert "flies" not in {simple for simple, _ in verb_phrases(deed("penguin", "bird", "up"))}
    assert "drives" not in {simple for simple, _ in verb_phrases(deed("car", "vehicle", "up"))}


def test_two_deeds_are_told_in_order():
    for caption in captions([deed("cat", "animal", "left"), deed("dog", "animal", "up")]):
        assert caption.index("a cat") < caption.index("a dog")
        assert caption.startswith("on the grass, ") or caption.endswith(" on the grass")


def test_article_follows_the_sound():
    articles = {with_article(noun) for noun in ("orange", "unicorn", "cat", "Owl")}
    assert articles == {"an orange", "a unicorn", "a cat", "an Owl"}
    assert "an orange wall" in " ".join(place_phrases("orange"))


def test_image_caption_names_what_is_seen():
    rng = np.random.default_rng(0)
    drawn = {image_caption(["cat", "owl"], "in the snow", rng) for _ in range(20)}
    assert drawn == {"a cat and an owl in the snow", "a picture of a cat and an owl in the snow"}
    assert image_caption([], "in the snow", rng).endswith("an empty scene in the snow")
