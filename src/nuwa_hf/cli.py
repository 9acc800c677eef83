# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command `nuwa-hf`: videos from a text, and the ways to training and evaluation."""

import argparse
import re
import secrets
import sys
import tempfile
import textwrap
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging

from nuwa_hf import DEMO_CHECKPOINT, NuwaTextToVideoPipeline, __version__
from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.media import contact_sheet, enlarge, write_gif, write_mp4, write_png
from nuwa_hf.pipelines.checks import as_prompt_list, check_whole_number


# Sub-commands whose module has a `main(argv)` of its own, imported when asked for: module, what it does.
DELEGATED = {
    "train-tokenizer": ("nuwa_hf.training.train_tokenizer", "learn a text tokenizer from captions"),
    "train-vqgan": ("nuwa_hf.training.train_vqgan", "train the codec"),
    "tokenize": ("nuwa_hf.training.tokenize_dataset", "turn clips into token files"),
    "merge-codes": ("nuwa_hf.training.merge_codes", "join codes of a codec that say nearly the same"),
    "train": ("nuwa_hf.training.train_nuwa", "train the transformer and write a pipeline"),
    "train-judges": ("nuwa_hf.evaluation.train_judges", "train the networks that judge videos"),
    "evaluate": ("nuwa_hf.evaluation.evaluate", "score a checkpoint with the judges"),
}
WRITERS = {".gif": write_gif, ".mp4": write_mp4}
MAX_SLUG = 60
USER_ERROR = 2
INTERRUPTED = 130


@dataclass(frozen=True)
class OutputFiles:
    """Where the videos go.

    Args:
        clips (`list[list[Path]]`): for each video its files.
        sheet (`Path`, *optional*): the contact sheet of all videos.
    """

    clips: list[list[Path]]
    sheet: Path | None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Returns:
        `int`: the exit status: 0, 2 for what the user can mend (one line on stderr says what), 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        if argv and argv[0] in DELEGATED:
            return import_module(DELEGATED[argv[0]][0]).main(argv[1:]) or 0
        text_to_video(build_parser().parse_args(argv))
    except (ValueError, TypeError, OSError, torch.OutOfMemoryError) as error:
        print(f"nuwa-hf: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("nuwa-hf: interrupted; nothing more was written.", file=sys.stderr)
        return INTERRUPTED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of `nuwa-hf` and its sub-commands."""
    parser = _OneLineErrorParser(
        prog="nuwa-hf",
        description="NUWA: videos from a text, on a CPU in seconds with the embedded checkpoint.",
        epilog='example: nuwa-hf text-to-video "a rocket flies upwards over the sea" --seed 0',
    )
    parser.add_argument("--version", action="version", version=f"nuwa-hf {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_text_to_video(commands)
    for name, (_, summary) in DELEGATED.items():  # only listed: `main` has handed them on before
        commands.add_parser(name, help=f"{summary}; see nuwa-hf {name} --help")
    return parser


def text_to_video(args: argparse.Namespace) -> None:
    """Make the videos and write the files.

    Args:
        args (`argparse.Namespace`): the parsed arguments of the sub-command.

    Raises:
        OSError: If a file cannot be written, or the checkpoint is not whole.
        TypeError: If an argument is of a wrong type.
        ValueError: If an argument has no valid value.
    """
    start = time.perf_counter()
    _check_arguments(args)
    files = plan_files(args.output, args.prompt, args.num_videos, args.contact_sheet)
    check_writable(files)
    device = choose_device(args.device)
    seeds = [args.seed + number for number in range(args.num_videos)]

    diffusers_logging.set_verbosity_error()
    pipeline = NuwaTextToVideoPipeline.from_pretrained(args.checkpoint).to(device)
    videos = pipeline(
        args.prompt,
        num_frames=args.num_frames,
        guidance_scale=args.guidance_scale,
        temperature=args.temperature,
        top_k=args.top_k,
        top_p=args.top_p,
        num_videos_per_prompt=args.num_videos,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
    ).frames

    clips = [enlarge(video, args.scale) for video in videos]
    for clip, paths, seed in zip(clips, files.clips, seeds, strict=True):
        for path in paths:
            WRITERS[path.suffix.lower()](clip, path, fps=args.fps)
            print(f"{path}  (seed {seed})")
    if files.sheet is not None:
        write_png(contact_sheet(clips, [f"{args.prompt}  (seed {seed})" for seed in seeds]), files.sheet)
        print(files.sheet)
    print(f"{len(clips)} video{'s' * (len(clips) > 1)} made in {time.perf_counter() - start:.1f} s on {device}")


def plan_files(output: str | None, prompt: str, num_videos: int, with_sheet: bool) -> OutputFiles:
    """The names of the files to write.

    Args:
        output (`str`, *optional*): a path that ends in .gif or .mp4, or one without a suffix for both. By default the
            prompt as a file name in the working directory.
        prompt (`str`): the prompt.
        num_videos (`int`): videos; more than one are numbered from 1.
        with_sheet (`bool`): whether to make a contact sheet.

    Returns:
        `OutputFiles`: the files.

    Raises:
        ValueError: If `output` has another suffix.
    """
    path = Path(slug(prompt) if output is None else output)
    suffixes = list(WRITERS)
    if path.suffix:
        if path.suffix.lower() not in WRITERS:
            raise ValueError(
                f"`--output` must end in {' or '.join(WRITERS)}, or have no suffix for both, got {output!r}."
            )
        suffixes = [path.suffix]
        path = path.with_suffix("")
    if not path.name:
        raise ValueError(f"`--output` must name a file, got {output!r}.")
    numbers = [""] if num_videos == 1 else [f"-{number}" for number in range(1, num_videos + 1)]
    clips = [[path.with_name(f"{path.name}{number}{suffix}") for suffix in suffixes] for number in numbers]
    return OutputFiles(clips, path.with_name(f"{path.name}.png") if with_sheet else None)


def slug(prompt: str) -> str:
    """A prompt as a short file name: letters and digits, joined by hyphens.

    Args:
        prompt (`str`): the prompt.

    Returns:
        `str`: the name, `"video"` if the prompt has neither letters nor digits.
    """
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower())[:MAX_SLUG].strip("-") or "video"


def check_writable(files: OutputFiles) -> None:
    """Require that every file can be written; leaves nothing behind.

    Args:
        files (`OutputFiles`): what is to be written.

    Raises:
        OSError: If one cannot.
    """
    paths = [path for clip in files.clips for path in clip]
    paths += [] if files.sheet is None else [files.sheet]
    for path in paths:
        if not path.parent.is_dir():
            raise OSError(f"Cannot write {path}: {path.parent} is no directory; make it first.")
        if path.is_dir():
            raise OSError(f"Cannot write {path}: it is a directory.")
    for directory in {path.parent for path in paths}:
        try:
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise OSError(f"Cannot write into {directory.resolve()}: {error.strerror}.") from error


def choose_device(name: str | None) -> torch.device:
    """The device to run on.

    Args:
        name (`str`, *optional*): for example `"cpu"` or `"cuda:1"`; by default the accelerator if there is one.

    Returns:
        `torch.device`: the device.

    Raises:
        ValueError: If this machine has no such device.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name is None:
        return accelerator or torch.device("cpu")
    kinds = ["cpu"] if accelerator is None else ["cpu", accelerator.type]
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in kinds:
        raise ValueError(f"`--device` must be one of {', '.join(kinds)} on this machine, got {name!r}.")
    if device.type != "cpu" and device.index is not None and device.index >= torch.accelerator.device_count():
        raise ValueError(f"`--device` must be among the {torch.accelerator.device_count()} devices, got {name!r}.")
    return device


class _OneLineErrorParser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, without the usage."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str):
        self.exit(USER_ERROR, f"{self.prog}: error: {message}\n")


def _add_text_to_video(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "text-to-video",
        help="make videos of a text",
        description="Make videos of a text and write them as GIF and MP4; files of the same name are replaced.",
        epilog=textwrap.dedent(
            """\
            example:
              nuwa-hf text-to-video "a rocket flies upwards over the sea" --num-videos 4 --seed 0 --contact-sheet
            """
        ),
    )
    parser.add_argument("prompt", metavar="PROMPT", help="what to show, in quotes")
    parser.add_argument(
        "--output", metavar="PATH", help=".gif or .mp4, without suffix both (default: from the prompt)"
    )
    parser.add_argument("--num-frames", type=int, metavar="N", help="frames of a video (default: the checkpoint's)")
    parser.add_argument("--num-videos", type=int, default=1, metavar="N", help="videos to make (default: 1)")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the first video; each further one adds 1 (default: random)",
    )
    parser.add_argument("--guidance-scale", type=float, metavar="X", help="at least 1 (default: the checkpoint's)")
    parser.add_argument("--temperature", type=float, metavar="X", help="more than 0 (default: the checkpoint's)")
    parser.add_argument("--top-k", type=int, metavar="N", help="sample among N tokens (default: the checkpoint's)")
    parser.add_argument("--top-p", type=float, metavar="X", help="in (0, 1] (default: the checkpoint's)")
    parser.add_argument(
        "--checkpoint", default=str(DEMO_CHECKPOINT), metavar="DIR|ID", help="a folder or Hub id (default: embedded)"
    )
    parser.add_argument(
        "--device", metavar="NAME", help="for example cpu or cuda (default: the accelerator, else cpu)"
    )
    parser.add_argument("--scale", type=int, default=4, metavar="N", help="enlarge N times, nearest (default: 4)")
    parser.add_argument("--fps", type=int, default=4, metavar="N", help="frames per second, at most 50 (default: 4)")
    parser.add_argument("--contact-sheet", action="store_true", help="also write a PNG with all frames of all videos")


def _check_arguments(args: argparse.Namespace) -> None:
    """What can be said before the checkpoint is read; the pipeline checks the rest. Draws a seed if none was given."""
    as_prompt_list("prompt", args.prompt)
    if args.num_frames is not None:
        check_whole_number("--num-frames", args.num_frames)
    check_whole_number("--num-videos", args.num_videos)
    check_whole_number("--scale", args.scale)
    check_whole_number("--fps", args.fps, maximum=50)
    given = {name: getattr(args, name) for name in ("guidance_scale", "temperature", "top_k", "top_p")}
    SamplingSettings(**{name: value for name, value in given.items() if value is not None})
    if args.seed is None:
        args.seed = secrets.randbelow(2**31)
    if not 0 <= args.seed < 2**63 - args.num_videos:
        raise ValueError(f"`--seed` must be at least 0 and fit into 63 bits, got {args.seed}.")


if __name__ == "__main__":
    sys.exit(main())
