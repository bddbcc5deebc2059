"""``image.thumbnail``: a small picture of a large one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from jobstream import Fail, JobContext
from jobstream_worker.examples.files import FileName, replacing, source_file, target_file
from jobstream_worker.examples.optional import optional_handler

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 60_000_000
"""Larger pictures are refused unread: a file of some kilobytes can unpack to gigabytes."""

READS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Formats taken. Others of Pillow's start further programs (EPS) or are rarely met from strangers."""

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held (CIPA DC-008, 4.6.4)."""

_TURNS_ON_SIDE = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
_TURNS = dict(enumerate(("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", *_TURNS_ON_SIDE), 2))
"""What sets a picture upright, by orientation from 2; 1 is upright already."""

WRITES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


class ImageThumbnail(BaseModel):
    """What ``image.thumbnail`` takes."""

    source: FileName
    target: FileName
    width: int = Field(320, ge=1, le=4096, description="At most so many pixels wide.")
    height: int = Field(320, ge=1, le=4096, description="At most so many pixels high.")


@optional_handler("image.thumbnail", needs=["PIL"], timeout_s=120)
def image_thumbnail(payload: ImageThumbnail, ctx: JobContext) -> dict[str, Any]:
    """Make a thumbnail of a picture: upright, in proportion, never enlarged, without the original's metadata."""
    source = source_file(payload.source)
    target = target_file(payload.target, tuple(WRITES), source=source)
    small = _shrink(source, (payload.width, payload.height), ctx)
    with replacing(target, ctx.run_id) as part:
        _flat(small, part.suffix).save(
            part, WRITES[part.suffix], **{str(name): value for name, value in small.info.items()}
        )
        size = part.stat().st_size
    ctx.progress(1.0, f"{small.width} x {small.height}")
    return {"target": payload.target, "width": small.width, "height": small.height, "bytes": size}


def _shrink(source: Path, box: tuple[int, int], ctx: JobContext) -> "Image.Image":
    """The picture in ``source``, upright, within ``box``, in mode L, RGB or RGBA, its colour profile all its ``info``.

    Raises:
        Fail: it is no picture, is broken, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=READS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Fail(_too_large(source, f"it is {image.width} x {image.height}"))
            ctx.progress(0.1, f"reading {image.width} x {image.height}")
            profile = image.info.get("icc_profile") if image.mode not in ("CMYK", "LAB", "YCbCr", "HSV") else None
            if image.format != "JPEG":  # loading sets a TIFF upright by itself, so ask only then
                image.load()
            turn = _TURNS.get(image.getexif().get(ORIENTATION, 1))
            even = _even(image)
            # For a JPEG, this reads no more of it than the thumbnail needs.
            even.thumbnail(box[::-1] if turn in _TURNS_ON_SIDE else box)
            even.load()  # of one that is small enough, nothing is read yet
            ctx.progress(0.8, "scaled")
    except (Fail, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Fail(_too_large(source, "it unpacks to far more")) from None
    except Exception as error:  # Pillow has many ways to say that a file is broken
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's trouble, not the file's
        if isinstance(error, UnidentifiedImageError):
            raise Fail(f"{source.name} is no picture in one of the formats {', '.join(READS)}") from None
        raise Fail(f"{source.name} is a broken picture: {error}") from None
    upright = even if turn is None else even.transpose(Image.Transpose[turn])
    upright.info = {"icc_profile": profile} if profile else {}
    return upright


def _even(image: "Image.Image") -> "Image.Image":
    """``image`` in a mode whose neighbouring pixels can be averaged and that every target format takes."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I;16"):  # 16 bits of grey; a plain conversion would cut instead of scale
        return image.point(lambda value: value / 256).convert("L")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _flat(image: "Image.Image", suffix: str) -> "Image.Image":
    """``image`` on white, where the target knows no transparency."""
    from PIL import Image

    if image.mode != "RGBA" or WRITES[suffix] != "JPEG":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _too_large(source: Path, found: str) -> str:
    return f"{source.name} is larger than the {MAX_PIXELS:,} pixels that are taken: {found}"
