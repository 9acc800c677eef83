# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write what the judges found into a checkpoint's model card, and into pages such as docs/scores.md and the README.

python -m nuwa_hf.cards.score_card --checkpoint DIR --scores scores.json --hours 2 --hardware "2 CPU cores"
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from nuwa_hf.cards.run_card import task_table
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.hub.pushed_files import CARD, THIS_FOLDER
from nuwa_hf.media import written_aside
from nuwa_hf.metrics.score_tables import scores_markdown, short_markdown
from nuwa_hf.tasks import TASKS


MARKERS = ("<!-- scores:start -->", "<!-- scores:end -->")
TEMPLATE = """---
{{ card_data }}
---

# NUWA, embedded checkpoint: EmojiMotion

The checkpoint that ships with `nuwa_hf`: the eight tasks of NUWA on rendered emoji ("Noto Color Emoji", Google,
OFL-1.1), {{ size }} pixels, {{ frames }} frames. It shows the method from end to end on a CPU. It draws **emoji, not
photographs**, and knows the words of its data set only. It is not Microsoft's model: those weights were never
released.

```python
import torch
from nuwa_hf import NuwaTextToVideoPipeline

pipeline = NuwaTextToVideoPipeline.from_pretrained("{{ path }}")
frames = pipeline("a red apple rolls to the left on the grass", generator=torch.Generator().manual_seed(0)).frames[0]
```

The other tasks share the weights: `NuwaVideoPredictionPipeline.from_pipe(pipeline)` and so on.

{{ tasks }}

- things: {{ objects }}
- motions: {{ motions }}
- places: {{ backgrounds }}

## How it was made

`make demo-checkpoint` makes it from nothing: tokenizer, VQ-GAN, VQ-GAN of the sketches, judges, transformer (all tasks
in one run). This took {{ hours }} hours on {{ hardware }}. Sizes: {{ sizes }}.
{{ note }}

## Scores

Two classifiers judge what a clip shows: the things (its k things must be the k that the judge ranks highest; a further
one beside them is not noticed), the background and, in clips with one thing, the motion. A third network draws class
maps. All three were trained on real training clips only and never used to train the generator. "val" has the pairs of
thing and motion that training shows, in other clips; "zeroshot" has pairs that training never shows. Every frame: the
thing ranks highest in each single frame, not only by the mean over them; whole: that and the motion. One sample for
each caption, with seeds from {{ seed }} upwards, none of them picked; where the caption is changed, only clips with
one thing. 95 % intervals in brackets.

{{ scores }}
"""


def fill_markers(text: str, content: str) -> str:
    """Replace the text between the two markers.

    Args:
        text (`str`): a page with both markers.
        content (`str`): what to put there.

    Returns:
        `str`: the page.

    Raises:
        ValueError: If a marker is missing.
    """
    start, end = MARKERS
    if start not in text or end not in text:
        raise ValueError(f"`page` must hold the markers {start} and {end}; add them where the scores belong.")
    before, rest = text.split(start, 1)
    return f"{before}{start}\n{content}\n{end}{rest.split(end, 1)[1]}"


def build_card(checkpoint: Path, report: dict[str, Any], hours: str, hardware: str, note: str = "") -> ModelCard:
    """The model card of an EmojiMotion checkpoint.

    Args:
        checkpoint (`Path`): a pipeline's folder.
        report (`dict`): what `evaluate` wrote for it.
        hours (`str`): how long the training took.
        hardware (`str`): on what.
        note (`str`, defaults to `""`): anything else worth knowing about how it was made.

    Returns:
        `huggingface_hub.ModelCard`.

    Raises:
        ValueError: If the scores are not of a setting of EmojiMotion.
    """
    if report["setting"] not in SETTINGS:
        raise ValueError(
            f"`scores` must be of a setting of EmojiMotion, {' or '.join(SETTINGS)}, got {report['setting']!r}; "
            "evaluate the protocol emoji-motion."
        )
    setting = SETTINGS[report["setting"]]
    configs = {
        name: json.loads((checkpoint / name / "config.json").read_text(encoding="utf-8"))
        for name in ("transformer", "vqgan")
    }
    transformer, vqgan = configs["transformer"], configs["vqgan"]
    sizes = (
        f"transformer {transformer['num_encoder_layers']} + {transformer['num_decoder_layers']} layers of width "
        f"{transformer['hidden_size']}, grid {' x '.join(map(str, transformer['visual_grid']))}; codec with "
        f"{vqgan['codebook_size']} codes and channels {', '.join(map(str, vqgan['block_out_channels']))}"
    )
    data = ModelCardData(
        license="apache-2.0",
        language="en",
        library_name="diffusers",
        pipeline_tag="text-to-video",
        tags=["nuwa", "nuwa_hf", "vq-gan", *(task.name for task in TASKS)],
    )
    return ModelCard.from_template(
        data,
        template_str=TEMPLATE,
        size=f"{setting.size} x {setting.size}",
        frames=setting.num_frames,
        path=THIS_FOLDER,
        objects=", ".join(setting.objects or ("every sprite of the pack",)),
        motions=", ".join(setting.motions),
        backgrounds=", ".join(setting.backgrounds),
        hours=hours,
        hardware=hardware,
        note=note,
        sizes=sizes,
        seed=min(report["seeds"]),
        scores=scores_markdown(report),
        tasks=task_table(TASKS),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the card into the checkpoint, and tables into the pages that are named.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Raises:
        ValueError: If the checkpoint, the scores or a page's markers are missing.
    """
    parser = argparse.ArgumentParser(description="Write judged scores into a model card.")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--scores", type=Path, required=True, help="what `nuwa-hf evaluate --output` wrote")
    parser.add_argument("--hours", required=True, help="how long the whole training took")
    parser.add_argument("--hardware", required=True, help="on what")
    parser.add_argument("--note", default="", help="anything else worth knowing about how it was made")
    parser.add_argument("--page", type=Path, help="also write all tables between the markers of this page")
    parser.add_argument("--short_page", type=Path, help="also write one small table between the markers of this page")
    arguments = parser.parse_args(argv)
    for name, file in (("checkpoint", arguments.checkpoint / "model_index.json"), ("scores", arguments.scores)):
        if not file.is_file():
            raise ValueError(f"`{name}` must lead to a file, got {str(file)!r}, which is not there.")
    report = json.loads(arguments.scores.read_text(encoding="utf-8"))
    texts = {
        arguments.checkpoint / CARD: str(
            build_card(arguments.checkpoint, report, arguments.hours, arguments.hardware, arguments.note)
        )
    }
    for page, table in ((arguments.page, scores_markdown), (arguments.short_page, short_markdown)):
        if page is not None:
            texts[page] = fill_markers(page.read_text(encoding="utf-8"), table(report))
    for path, text in texts.items():
        with written_aside(path) as aside:
            aside.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
