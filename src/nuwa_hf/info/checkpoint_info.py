# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a checkpoint is and can do."""

from dataclasses import asdict, dataclass
from typing import Any

from nuwa_hf.grid import Grid
from nuwa_hf.hub.pushed_files import CARD
from nuwa_hf.info.call_memory import CallMemory, call_memory
from nuwa_hf.info.card_scores import Scores, card_scores
from nuwa_hf.info.found_checkpoint import FoundCheckpoint, find
from nuwa_hf.info.part_facts import PartFacts, read_adapter, read_part
from nuwa_hf.storage.folder_contents import class_name
from nuwa_hf.storage.local_checkpoint import EMPTY, INDEX_FILE, read_json
from nuwa_hf.tasks import TASKS


SKETCHES = ("image sketch", "video sketch")


@dataclass(frozen=True)
class CheckpointInfo:
    """What is known of a checkpoint without its weights.

    Args:
        name (`str`): as the user named it.
        where (`str`): `"embedded"`, `"folder"` or `"hub"`.
        folder (`str`): its files on this machine.
        kind (`str`): `"pipeline"`, `"transformer"`, `"codec"`, `"tokenizer"` or `"adapter"`.
        class_name (`str`): the class that it is loaded by.
        parts (`dict[str, PartFacts]`): its parts by name; a checkpoint that is no pipeline is its own only part.
        learnt_tasks (`tuple[str, ...]`, *optional*): short names of the tasks that it has learnt and has all parts
            for; None if it does not say what it has learnt.
        possible_tasks (`tuple[str, ...]`): those that it has all parts for.
        total_bytes (`int`, *optional*): of all files; None where it is not known.
        memory (`dict[str, CallMemory]`): `"image"` and `"video"` to the memory of a call; only of a pipeline.
        scores (`dict`): those of its card.
    """

    name: str
    where: str
    folder: str
    kind: str
    class_name: str
    parts: dict[str, PartFacts]
    learnt_tasks: tuple[str, ...] | None
    possible_tasks: tuple[str, ...]
    total_bytes: int | None
    memory: dict[str, CallMemory]
    scores: Scores

    @property
    def grid(self) -> Grid | None:
        """Tokens of its longest video; None without a transformer."""
        transformer = self.parts.get("transformer")
        return None if transformer is None else Grid(*transformer.values["visual_grid"])

    @property
    def video(self) -> dict[str, Any] | None:
        """Frames, rows and columns of pixels, and frames a second of what a pipeline draws."""
        if self.kind != "pipeline" or self.grid is None:
            return None
        side = self.parts["vqgan"].values["spatial_factor"]
        rate = self.parts["transformer"].values["frame_rate"]
        return {
            "num_frames": self.grid.t,
            "height": self.grid.h * side,
            "width": self.grid.w * side,
            "frame_rate": rate,
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can store it."""
        names = ("name", "where", "folder", "kind", "class_name", "learnt_tasks", "possible_tasks", "total_bytes")
        parts = {
            name: {key: value for key, value in vars(part).items() if key != "model"}
            for name, part in self.parts.items()
        }
        return {
            **{name: getattr(self, name) for name in names},
            "parameters": sum(part.parameters for part in self.parts.values()),
            "video": self.video,
            "grid": None if self.grid is None else asdict(self.grid),
            "parts": parts,
            "memory_of_a_call": {name: memory.to_dict() for name, memory in self.memory.items()},
            "scores": self.scores,
        }


def checkpoint_info(name: str) -> CheckpointInfo:
    """Read what is known of a checkpoint.

    Args:
        name (`str`): a folder, a Hub id, or `"embedded"`: a pipeline, a transformer, a codec, a tokenizer or a LoRA
            adapter.

    Returns:
        `CheckpointInfo`.

    Raises:
        ValueError: If it is none of these.
        OSError: If it is not there, or incomplete.
    """
    found = find(name)
    parts = _parts_of(found)
    first = next(iter(parts.values()))
    kind = "pipeline" if found.kind == "pipeline" else first.kind
    possible = _possible_tasks(parts) if kind in ("pipeline", "transformer") else ()
    learnt = parts["transformer"].values["learnt_tasks"] if "transformer" in parts else None
    card = found.folder / CARD
    return CheckpointInfo(
        name=name,
        where=found.where,
        folder=str(found.folder),
        kind=kind,
        class_name=class_name(found.folder, "pipeline") if kind == "pipeline" else first.class_name,
        parts=parts,
        learnt_tasks=None if learnt is None else tuple(task for task in possible if task in learnt),
        possible_tasks=possible,
        total_bytes=sum(found.sizes.values()) if found.sizes else None,
        memory=_memory(parts) if kind == "pipeline" else {},
        scores=card_scores(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else {},
    )


def _parts_of(found: FoundCheckpoint) -> dict[str, PartFacts]:
    if found.kind == "adapter":
        return {"adapter": read_adapter(found.folder, found.weight_bytes())}
    if found.kind != "pipeline":
        cls = class_name(found.folder, found.kind) if found.kind == "model" else None
        part = read_part(found.folder, cls, found.weight_bytes())
        return {part.kind: part}
    index = read_json(found.folder / INDEX_FILE)
    named = {
        name: value
        for name, value in index.items()
        if isinstance(value, list) and value != EMPTY and not name.startswith("_")
    }
    order = ("transformer", "vqgan", "sketch_vqgan", "tokenizer")
    return {
        name: read_part(found.folder / name, named[name][-1], found.weight_bytes(name))
        for name in order
        if name in named
    }


def _possible_tasks(parts: dict[str, PartFacts]) -> tuple[str, ...]:
    has_sketches = parts["transformer"].values["sketch_codebook_size"] is not None
    has_codec = "vqgan" not in parts or "sketch_vqgan" in parts  # a transformer alone says nothing of codecs
    usable = [task for task in TASKS if task.condition not in SKETCHES or (has_sketches and has_codec)]
    return tuple(task.abbreviation for task in usable)


def _memory(parts: dict[str, PartFacts]) -> dict[str, CallMemory]:
    transformer = parts["transformer"]
    codecs = {name: part.model for name, part in parts.items() if part.kind == "codec"}
    frames, rows, columns = transformer.values["visual_grid"]
    weights = transformer.weight_bytes if transformer.values["is_quantized"] else None
    grids = {"image": Grid(1, rows, columns), "video": Grid(frames, rows, columns)}
    return {name: call_memory(transformer.model, codecs, grid, weights) for name, grid in grids.items()}
