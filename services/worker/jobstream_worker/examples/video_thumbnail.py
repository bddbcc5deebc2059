"""``video.thumbnail``: one frame of a film as a picture."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from jobstream import Fail, JobContext, Retry
from jobstream_worker.examples.ffmpeg import FfmpegRun, run_ffmpeg
from jobstream_worker.examples.files import FileName, replacing_from_loop, source_file, target_file
from jobstream_worker.examples.optional import optional_handler

FFMPEG_TIMEOUT_S = 60.0

FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,gif"
"""Formats taken. Others name further files to read (playlists), which a stranger's file must not do."""

MAX_FRAME_PIXELS = 40_000_000

WRITES = (".jpg", ".jpeg", ".png", ".webp")


class VideoThumbnail(BaseModel):
    """What ``video.thumbnail`` takes."""

    source: FileName
    target: FileName
    at_s: float = Field(1.0, ge=0, le=86_400, description="Which frame, seconds from the start.")
    width: int = Field(320, ge=16, le=4096, description="At most so many pixels wide.")
    height: int = Field(320, ge=16, le=4096, description="At most so many pixels high.")


@optional_handler("video.thumbnail", needs=["imageio_ffmpeg"], timeout_s=120)
async def video_thumbnail(payload: VideoThumbnail, ctx: JobContext) -> dict[str, Any]:
    """Take one frame of a film: upright, in proportion, never enlarged."""
    source = source_file(payload.source)
    target = target_file(payload.target, WRITES, source=source)
    ctx.progress(0.1, f"looking for second {payload.at_s:g}")
    async with replacing_from_loop(target, ctx.run_id) as part:
        try:
            run = await run_ffmpeg(_arguments(payload, source, part), timeout_s=FFMPEG_TIMEOUT_S)
        except TimeoutError:
            raise Retry(message=f"ffmpeg took longer than {FFMPEG_TIMEOUT_S:g} s with {payload.source}") from None
        if run.code != 0 or not part.exists():
            raise failure(run, payload)
        size = part.stat().st_size
    ctx.progress(1.0)
    return {"target": payload.target, "at_s": payload.at_s, "bytes": size}


def _arguments(payload: VideoThumbnail, source: Path, part: Path) -> list[str]:
    limits = f"-protocol_whitelist file -format_whitelist {FORMATS} -max_pixels {MAX_FRAME_PIXELS} -threads 2"
    box = f"'min({payload.width},iw)':'min({payload.height},ih)'"
    scale = f"scale={box}:force_original_aspect_ratio=decrease"
    return [
        *limits.split(),
        *("-ss", f"{payload.at_s:.3f}", "-i", f"file:{source}", "-an", "-sn", "-dn"),
        *("-frames:v", "1", "-vf", scale, "-f", "image2", "-update", "1", "-y", str(part)),
    ]


def failure(run: FfmpegRun, payload: VideoThumbnail) -> Exception:
    """What the job is told. Only what another try may mend is worth one."""
    source = payload.source
    if run.code < 0:
        return RuntimeError(f"ffmpeg was ended by signal {-run.code}")
    if run.said("No space left on device"):
        return RuntimeError("ffmpeg: no space left on device")
    if run.said("exceeds specified max pixel count"):
        return Fail(f"{source} has frames of more than the {MAX_FRAME_PIXELS:,} pixels that are taken")
    if run.said("does not contain any stream"):
        return Fail(f"{source} has no pictures in it, only sound")
    if run.said("Nothing was written into output file"):
        lasts_s = duration(run)
        return Fail(
            f"{source} has no frame at {payload.at_s:g} s or later" + (f"; it lasts {lasts_s:g} s" if lasts_s else "")
        )
    return Fail(f"{source} is no film that ffmpeg can read: {run.last_error}")


def duration(run: FfmpegRun) -> float | None:
    """Seconds the film lasts, or None if ffmpeg did not find out."""
    found = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", "\n".join(run.lines))
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
