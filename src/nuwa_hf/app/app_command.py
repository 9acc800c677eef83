# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf app`: the eight tasks in the browser, on any checkpoint or on two side by side."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.app import build_app
from nuwa_hf.app.limits import MAX_FRAMES, AppLimits
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status


DEFAULT_FRAMES = f"{MAX_FRAMES}, or the checkpoint's if these are more"
LIMIT_HELP = {
    "max_frames": "frames of a video",
    "max_results": "images or videos of one request",
    "max_candidates": "candidates of each of them",
    "max_upload": "megabytes of an uploaded file",
    "max_seconds": "seconds after which a request is stopped",
    "max_waiting": "requests that wait for their turn",
    "max_text": "letters of a text",
    "max_scale": "factor by which results are enlarged",
}


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf app",
        description="Open the eight tasks in the browser, on any checkpoint or on two side by side.",
        epilog="example: nuwa-hf app --checkpoint user/model --compare user/other",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR|ID",
        default=str(DEMO_CHECKPOINT),
        help="a folder, a Hub id or embedded (default: embedded)",
    )
    parser.add_argument("--compare", metavar="DIR|ID", help="another one, whose results are shown beside")
    parser.add_argument(
        "--device", metavar="NAME", help="for example cpu or cuda (default: the accelerator if any, else cpu)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen; 0.0.0.0 for everybody (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="the port (default: the first that is free from 7860 on)"
    )
    parser.add_argument("--root-path", metavar="PATH", help="the path under which a proxy serves the app")
    parser.add_argument(
        "--share", action="store_true", help="give the app a public address of gradio.live for a while"
    )
    limits = parser.add_argument_group("limits for visitors")
    for one in fields(AppLimits):
        limits.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=int,
            metavar="N",
            default=one.default,
            help=f"{LIMIT_HELP[one.name]} (default: {one.default or DEFAULT_FRAMES})",
        )
    add_verbose(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the app until it is interrupted.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        OSError: If there is no such checkpoint, it is incomplete, or the port is taken.
        ValueError: If an argument has no valid value, or Gradio is missing.
    """
    args = build_parser().parse_args(argv)
    limits = AppLimits(**{one.name: getattr(args, one.name) for one in fields(AppLimits)})
    if args.port is not None and not 0 < args.port < 65536:
        raise ValueError(f"`--port` must be from 1 to 65535, got {args.port}; leave it out for one that is free.")
    app = build_app(args.checkpoint, compare=args.compare, device=args.device, limits=limits)
    try:
        app.launch(
            server_name=args.host, server_port=args.port, root_path=args.root_path, share=args.share, show_error=False
        )
    finally:
        app.close()


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
