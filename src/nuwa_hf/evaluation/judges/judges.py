# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The frozen judges together.

Shapes: B frames or clips, T frames, Y rows, X columns of pixels.
"""

from pathlib import Path

import torch
from torch import Tensor

from nuwa_hf.evaluation.judges.judge_folders import load_judge
from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, ClipJudgeOutput, FrameJudge, FrameJudgeOutput
from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge


FRAME_JUDGE_FOLDER = "frame_judge"
CLIP_JUDGE_FOLDER = "clip_judge"
SEGMENT_JUDGE_FOLDER = "segment_judge"


class Judges:
    """The frozen judges of frames, of clips and, for the tasks with sketches, of pixels.

    Args:
        frame_judge (`FrameJudge`): names objects and background.
        clip_judge (`ClipJudge`): names the motion.
        segment_judge (`SegmentJudge`, *optional*): draws the class map.

    Attributes:
        object_names (`list[str]`): the things that the frame judge knows.
        background_names (`list[str]`): the backgrounds that it knows.
        motion_names (`list[str]`): the motions that the clip judge knows.
    """

    def __init__(self, frame_judge: FrameJudge, clip_judge: ClipJudge, segment_judge: SegmentJudge | None = None):
        self.frame_judge = frame_judge
        self.clip_judge = clip_judge
        self.segment_judge = segment_judge
        self.object_names = list(frame_judge.config.object_names)
        self.background_names = list(frame_judge.config.background_names)
        self.motion_names = list(clip_judge.config.motion_names)
        for judge in (frame_judge, clip_judge, segment_judge):
            if judge is not None:
                # Channels last is several times faster on a CPU.
                judge.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @classmethod
    def from_pretrained(cls, directory: str | Path, device: str | torch.device = "cpu") -> "Judges":
        """Load what `nuwa-hf train-judges` saved.

        Args:
            directory (`str` or `Path`): holds the folders `frame_judge` and `clip_judge`, and `segment_judge` if
                sketches are to be judged.
            device (`str` or `torch.device`, defaults to `"cpu"`): where they judge.

        Returns:
            `Judges`: all that the directory holds, in evaluation mode.

        Raises:
            OSError: If one of them is broken.
            TypeError: If a configuration has a value of the wrong type.
            ValueError: If the directory lacks one of the first two, or a configuration is impossible.
        """
        directory = Path(directory)
        missing = [name for name in (FRAME_JUDGE_FOLDER, CLIP_JUDGE_FOLDER) if not (directory / name).is_dir()]
        if missing:
            raise ValueError(
                f"`judges` must be a directory that holds {FRAME_JUDGE_FOLDER}/ and {CLIP_JUDGE_FOLDER}/, got "
                f"{str(directory)!r} without {', '.join(missing)}; make them with `nuwa-hf train-judges`."
            )
        frame_judge = load_judge(FrameJudge, directory / FRAME_JUDGE_FOLDER, device)
        clip_judge = load_judge(ClipJudge, directory / CLIP_JUDGE_FOLDER, device)
        segment_judge = None
        if (directory / SEGMENT_JUDGE_FOLDER).is_dir():
            segment_judge = load_judge(SegmentJudge, directory / SEGMENT_JUDGE_FOLDER, device)
        return cls(frame_judge, clip_judge, segment_judge)

    @torch.inference_mode()
    def judge_frames(self, frames: Tensor, batch_size: int = 300) -> FrameJudgeOutput:
        """Judge single frames.

        Args:
            frames (`torch.Tensor` of shape `(B, 3, Y, X)`): pixels in [0, 1].
            batch_size (`int`, defaults to 300): frames judged at once; it does not change the verdicts.

        Returns:
            `FrameJudgeOutput`: of the B frames, on the CPU.
        """
        outputs = [self.frame_judge(batch.to(self.frame_judge.device)) for batch in frames.split(batch_size)]
        names = ("object_logits", "background_logits", "features")
        return FrameJudgeOutput(**{name: torch.cat([output[name].cpu() for output in outputs]) for name in names})

    @torch.inference_mode()
    def judge_clips(self, clips: Tensor, batch_size: int = 50) -> ClipJudgeOutput:
        """Judge how the thing of each clip moves.

        Args:
            clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): pixels in [0, 1].
            batch_size (`int`, defaults to 50): clips judged at once; it does not change the verdicts.

        Returns:
            `ClipJudgeOutput`: of the B clips, on the CPU.

        Raises:
            ValueError: If the clips have another number of frames than those that the judge was trained on.
        """
        outputs = [self.clip_judge(batch.to(self.clip_judge.device)) for batch in clips.split(batch_size)]
        names = ("motion_logits", "features")
        return ClipJudgeOutput(**{name: torch.cat([output[name].cpu() for output in outputs]) for name in names})

    @torch.inference_mode()
    def segment(self, frames: Tensor, batch_size: int = 100) -> Tensor:
        """Draw the class maps of frames.

        Args:
            frames (`torch.Tensor` of shape `(B, 3, Y, X)`): pixels in [0, 1].
            batch_size (`int`, defaults to 100): frames judged at once; it does not change the verdicts.

        Returns:
            `torch.LongTensor` of shape `(B, Y, X)`: on the CPU.

        Raises:
            ValueError: If there is no segment judge.
        """
        judge = self.require_segment_judge()
        return torch.cat([judge(batch.to(judge.device)).argmax(1).cpu() for batch in frames.split(batch_size)])

    def require_segment_judge(self) -> SegmentJudge:
        """The segment judge.

        Returns:
            `SegmentJudge`.

        Raises:
            ValueError: If there is none.
        """
        if self.segment_judge is None:
            raise ValueError(
                f"`judges` must hold {SEGMENT_JUDGE_FOLDER}/ to judge tasks that start from a sketch; run "
                "`nuwa-hf train-judges` on the same directory, which trains only what is missing."
            )
        return self.segment_judge
