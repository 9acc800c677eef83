# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Render the sprite pack of EmojiMotion from a font: `python -m nuwa_hf.datasets.build_sprite_pack FONT OUTPUT`.

FONT is NotoColorEmoji.ttf (Google, OFL-1.1) with bitmap glyphs, such as the one in Debian's fonts-noto-color-emoji.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from .sprites import CATEGORIES, SPRITE_SIDE, SpritePack


logger = logging.getLogger(__name__)

_GLYPH_SIZE = 109  # the only size of the font's bitmaps
_TABLE = {
    "animal": "monkey 🐒, gorilla 🦍, dog 🐕, poodle 🐩, fox 🦊, raccoon 🦝, cat 🐈, black cat 🐈‍⬛, "
    "lion 🦁, tiger 🐅, leopard 🐆, horse 🐎, unicorn 🦄, zebra 🦓, deer 🦌, bison 🦬, cow 🐄, pig 🐖, "
    "sheep 🐏, goat 🐐, camel 🐪, llama 🦙, giraffe 🦒, elephant 🐘, rhinoceros 🦏, hippopotamus 🦛, "
    "mouse 🐁, rabbit 🐇, hedgehog 🦔, bear 🐻, polar bear 🐻‍❄️, koala 🐨, panda 🐼, kangaroo 🦘, "
    "frog 🐸, crocodile 🐊, turtle 🐢, lizard 🦎, snake 🐍, dragon 🐉, dinosaur 🦖",
    "bird": "rooster 🐓, chick 🐤, penguin 🐧, eagle 🦅, duck 🦆, swan 🦢, owl 🦉, flamingo 🦩, peacock 🦚, "
    "parrot 🦜, goose 🪿, turkey 🦃, dove 🕊️",
    "sea animal": "whale 🐋, dolphin 🐬, seal 🦭, fish 🐟, tropical fish 🐠, shark 🦈, octopus 🐙, "
    "jellyfish 🪼, crab 🦀, lobster 🦞, shrimp 🦐, squid 🦑",
    "bug": "snail 🐌, butterfly 🦋, ant 🐜, bee 🐝, ladybug 🐞, spider 🕷️, scorpion 🦂, bat 🦇",
    "plant": "rose 🌹, sunflower 🌻, tulip 🌷, hibiscus 🌺, cactus 🌵, palm tree 🌴, pine tree 🌲, tree 🌳, "
    "four leaf clover 🍀, maple leaf 🍁, mushroom 🍄, potted plant 🪴",
    "fruit": "bunch of grapes 🍇, slice of watermelon 🍉, orange 🍊, lemon 🍋, banana 🍌, pineapple 🍍, "
    "red apple 🍎, green apple 🍏, pear 🍐, peach 🍑, pair of cherries 🍒, strawberry 🍓, tomato 🍅, "
    "avocado 🥑, eggplant 🍆, carrot 🥕, corn cob 🌽, broccoli 🥦, chili pepper 🌶️",
    "food": "croissant 🥐, pretzel 🥨, piece of cheese 🧀, hamburger 🍔, box of french fries 🍟, "
    "slice of pizza 🍕, hot dog 🌭, taco 🌮, fried egg 🥚, piece of sushi 🍣, bowl of ice cream 🍨, "
    "ice cream cone 🍦, doughnut 🍩, cookie 🍪, birthday cake 🎂, cupcake 🧁, candy 🍬, lollipop 🍭, "
    "cup of coffee ☕, beer mug 🍺, cocktail 🍸, box of popcorn 🍿",
    "vehicle": "car 🚗, taxi 🚕, police car 🚓, bus 🚌, ambulance 🚑, fire truck 🚒, truck 🚚, tractor 🚜, "
    "race car 🏎️, motorcycle 🏍️, scooter 🛵, bicycle 🚲, steam train 🚂, skateboard 🛹, sled 🛷",
    "craft": "airplane ✈️, helicopter 🚁, rocket 🚀, flying saucer 🛸, sailboat ⛵, canoe 🛶, speedboat 🚤, "
    "ship 🚢, parachute 🪂, satellite 🛰️, red balloon 🎈, kite 🪁",
    "building": "house 🏠, castle 🏰, church ⛪, factory 🏭, tent ⛺, volcano 🌋, hut 🛖, hospital 🏥, "
    "circus tent 🎪, ferris wheel 🎡, Statue of Liberty 🗽, stone head 🗿",
    "ball or toy": "soccer ball ⚽, baseball ⚾, basketball 🏀, volleyball 🏐, football 🏈, tennis ball 🎾, "
    "bowling ball 🎳, yo-yo 🪀, dice 🎲, teddy bear 🧸, eight ball 🎱, boxing glove 🥊, target 🎯, trophy 🏆, "
    "gift box 🎁",
    "sky thing": "sun ☀️, moon 🌕, crescent moon 🌙, star ⭐, cloud ☁️, rainbow 🌈, planet 🪐, "
    "comet ☄️, snowflake ❄️, flame 🔥, water drop 💧, thunder cloud 🌩️, snowman ⛄",
    "clothing": "t-shirt 👕, pair of jeans 👖, dress 👗, top hat 🎩, crown 👑, running shoe 👟, "
    "high-heeled shoe 👠, pair of sunglasses 🕶️, umbrella ☂️, backpack 🎒, handbag 👜, pair of socks 🧦, "
    "scarf 🧣",
    "tool": "hammer 🔨, axe 🪓, pair of scissors ✂️, key 🔑, magnet 🧲, bomb 💣, "
    "pair of crossed swords ⚔️, light bulb 💡, candle 🕯️, camera 📷, television 📺, laptop 💻, "
    "telephone ☎️, alarm clock ⏰, hourglass ⌛, red book 📕, pencil ✏️, envelope ✉️, diamond 💎, "
    "anchor ⚓, bell 🔔, chair 🪑, bed 🛏️, door 🚪, bathtub 🛁, bucket 🪣, broom 🧹, shield 🛡️, pill 💊, "
    "syringe 💉",
    "instrument": "saxophone 🎷, trumpet 🎺, accordion 🪗, guitar 🎸, violin 🎻, drum 🥁, pair of maracas 🪇, "
    "musical note 🎶",
    "creature": "robot 🤖, ghost 👻, alien 👽, space invader 👾, clown 🤡, jack-o-lantern 🎃, red heart ❤️, "
    "skull 💀, poop 💩, Santa Claus 🎅, mermaid 🧜‍♀️, zombie 🧟",
}


def emoji_table() -> list[tuple[str, str, str]]:
    """All sprites of the pack, in order.

    Returns:
        `list[tuple[str, str, str]]`: noun, emoji and category of each.
    """
    rows = []
    for category, entries in _TABLE.items():
        for entry in entries.split(", "):
            noun, _, emoji = entry.rpartition(" ")
            rows.append((noun, emoji, category))
    return rows


def render_emoji(emoji: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """Render one emoji in the middle of a transparent square that it fills.

    Args:
        emoji (`str`): the character, or the sequence of characters that forms one picture.
        font (`ImageFont.FreeTypeFont`): the colour font.

    Returns:
        `np.ndarray` of shape `(96, 96, 4)`, uint8: RGBA.

    Raises:
        ValueError: If the font draws nothing for it.
    """
    glyph = Image.new("RGBA", (170, 170))
    ImageDraw.Draw(glyph).text((15, 15), emoji, font=font, embedded_color=True)
    box = glyph.getbbox()
    if box is None:
        raise ValueError(f"`font` must hold the emoji {emoji}, but draws nothing; use a newer NotoColorEmoji.ttf.")
    glyph = glyph.crop(box)
    side = max(glyph.size)
    square = Image.new("RGBA", (side, side))
    square.paste(glyph, ((side - glyph.width) // 2, (side - glyph.height) // 2))
    return np.asarray(square.resize((SPRITE_SIDE, SPRITE_SIDE), Image.Resampling.LANCZOS))


def build_sprite_pack(font_file: str | Path) -> SpritePack:
    """Render every emoji of the table.

    Args:
        font_file (`str` or `Path`): NotoColorEmoji.ttf.

    Returns:
        `SpritePack`.

    Raises:
        ValueError: If Pillow has no RAQM layout, or the font lacks an emoji.
    """
    if not features.check("raqm"):
        raise ValueError("Pillow must have the RAQM text layout to join emoji sequences; install the wheel from PyPI.")
    font = ImageFont.truetype(str(font_file), _GLYPH_SIZE, layout_engine=ImageFont.Layout.RAQM)
    rows = emoji_table()
    return SpritePack(
        sprites=np.stack([render_emoji(emoji, font) for _, emoji, _ in rows]),
        nouns=[noun for noun, _, _ in rows],
        categories=np.array([CATEGORIES.index(category) for _, _, category in rows], np.uint8),
    )


def main(arguments: Sequence[str] | None = None):
    """Build the pack and write it.

    Args:
        arguments (`Sequence[str]`, *optional*): the command line without the program; None reads `sys.argv`.
    """
    parser = argparse.ArgumentParser(prog="python -m nuwa_hf.datasets.build_sprite_pack", description=__doc__)
    parser.add_argument("font", type=Path, help="NotoColorEmoji.ttf")
    parser.add_argument("output", type=Path, help="the .npz file to write")
    options = parser.parse_args(arguments)
    pack = build_sprite_pack(options.font)
    np.savez_compressed(options.output, sprites=pack.sprites, names=np.array(pack.nouns), cats=pack.categories)
    logger.info("Wrote %d sprites to %s.", len(pack), options.output)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
