"""Makes input to try the example handlers with: a table, a picture, a film. The same arguments, the same content.

python -m jobstream_worker.examples.samples --dir .jobstream/files
"""

import argparse
import math
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

CSV_COLUMNS = ("order_id", "day", "country", "product", "quantity", "price", "discount")

_COUNTRIES = ("AT", "DE", "ES", "FR", "IT", "NL", "PL", "SE")
_PRODUCTS = ("book", "chair", "desk", "lamp", 'map, "large"', "pen")
_CYCLE = 9973
"""Rows repeat after so many, but for their number: a million rows take a blink to write."""
_BATCH = 50_000
TORN_ROWS, TORN_LINE = 1_000, 700


def make_all(folder: Path, rows: int) -> list[Path]:
    """Write one of each into ``folder``, made if it is not there, and two that are broken.

    Args:
        rows: of the whole table; the torn one has TORN_ROWS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    no_film = folder / "no-film.mp4"
    no_film.write_text("This is a text, whatever its name says.\n")
    return [
        make_csv(folder / "orders.csv", rows),
        make_csv(folder / "orders-torn.csv", TORN_ROWS, torn_line=TORN_LINE),
        make_image(folder / "sunset.jpg", 4000, 2500),
        make_image(folder / "sunset-sideways.png", orientation=6),
        make_video(folder / "clock.mp4"),
        no_film,
    ]


def make_csv(path: Path, rows: int, *, torn_line: int | None = None) -> Path:
    """Write a table of orders: ``rows`` lines after the header. A tenth of the discounts are empty.

    Args:
        torn_line: this line (the header is line 1) is cut off in the middle, as by a writer that died.
    """
    rng = random.Random(7)  # noqa: S311  (the same rows each time, no secret)
    ends = [_order(rng) for _ in range(_CYCLE)]
    torn = None if torn_line is None else torn_line - 2
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(CSV_COLUMNS) + "\n")
        for start in range(0, rows, _BATCH):
            lines = [f"{row + 1}{ends[row % _CYCLE]}" for row in range(start, min(start + _BATCH, rows))]
            if torn is not None and start <= torn < start + len(lines):
                lines[torn - start] = ",".join(lines[torn - start].split(",")[:3]) + "\n"
            file.write("".join(lines))
    return path


def make_image(path: Path, width: int = 1600, height: int = 1000, *, orientation: int = 1) -> Path:
    """Write a picture in the format of the path's suffix: a sunset, its top left corner red.

    Args:
        orientation: the EXIF orientation, 1 to 8: how a viewer must turn the pixels.
    """
    from PIL import Image

    sky = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (sky, sky.point(lambda value: value // 2), sky.point(lambda value: 255 - value)))
    picture.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)
    return path


def make_video(path: Path, seconds: float = 3.0, width: int = 640, height: int = 360) -> Path:
    """Write a film in the format of the path's suffix: ffmpeg's test picture with a running clock.

    Raises:
        RuntimeError: ffmpeg could not; its words are in the message.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    picture = f"testsrc=size={width}x{height}:rate=25:duration={seconds}"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-y", str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(f"ffmpeg could not make {path.name}: {done.stderr.decode(errors='replace').strip()}")
    return path


def _order(rng: random.Random) -> str:
    product = rng.choice(_PRODUCTS)
    quoted = '"' + product.replace('"', '""') + '"' if "," in product else product
    discount = "" if rng.random() < 0.1 else str(rng.randrange(0, 30))
    day = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    price = math.floor(rng.uniform(1, 500) * 100) / 100
    return f",{day},{rng.choice(_COUNTRIES)},{quoted},{rng.randrange(1, 10)},{price:.2f},{discount}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make all samples from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m jobstream_worker.examples.samples", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--dir", type=Path, default=Path("samples"), help="where to (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the whole table (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    for path in make_all(chosen.dir, chosen.rows):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
