"""image.thumbnail on real pictures, and on what is none."""

import random
import zlib

import pytest
from PIL import Image, ImageCms, ImageOps

from jobstream.handlers.outcomes import Failed
from jobstream.testing import run_handler
from jobstream_worker.examples.image_thumbnail import image_thumbnail
from jobstream_worker.examples.samples import make_image


def look(path):
    with Image.open(path) as image:
        image.load()
        return image


async def thumbnail(source, target, **box):
    ran = await run_handler(image_thumbnail, {"source": source, "target": target, **box})
    return ran.result


async def refusal(source, target="small.png"):
    ran = await run_handler(image_thumbnail, {"source": source, "target": target})
    assert isinstance(ran.outcome, Failed), ran.outcome
    assert not ran.outcome.retryable
    return ran.outcome.error.message


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
async def test_a_thumbnail_fits_the_box_and_keeps_the_proportions(suffix, files):
    make_image(files / "photo.jpg", 1600, 1000)
    ran = await run_handler(image_thumbnail, {"source": "photo.jpg", "target": f"small.{suffix}", "width": 200})
    small = look(files / f"small.{suffix}")
    assert small.size == (200, 125)
    assert small.format == {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[suffix]
    bytes_written = (files / f"small.{suffix}").stat().st_size
    assert ran.result == {"target": f"small.{suffix}", "width": 200, "height": 125, "bytes": bytes_written}
    red, green, blue = small.convert("RGB").getpixel((10, 10))
    assert red > 200
    assert max(green, blue) < 60
    fractions = [fraction for fraction, _ in ran.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(path.name for path in files.iterdir()) == ["photo.jpg", f"small.{suffix}"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_comes_out_as_a_viewer_shows_it(orientation, suffix, files):
    path = make_image(files / f"photo.{suffix}", 400, 200, orientation=orientation)
    expected = ImageOps.exif_transpose(look(path)).convert("RGB")
    result = await thumbnail(path.name, "small.png", width=100, height=60)
    small = look(files / "small.png")
    expected.thumbnail((100, 60))
    assert (result["width"], result["height"]) == small.size == expected.size
    corners = [(2, 2), (small.width - 3, 2), (2, small.height - 3), (small.width - 3, small.height - 3)]
    for corner in corners:
        assert small.convert("RGB").getpixel(corner) == pytest.approx(expected.getpixel(corner), abs=16)


async def test_small_pictures_are_not_enlarged(files):
    make_image(files / "icon.png", 32, 16)
    assert (await thumbnail("icon.png", "small.png"))["width"] == 32


async def test_a_thumbnail_tells_nothing_of_the_place_but_keeps_the_colours(files):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    Image.new("RGB", (80, 80), "teal").save(
        files / "photo.jpg", exif=exif, icc_profile=profile, comment=b"at home", xmp=b"<x>at home</x>"
    )
    for target in ("small.jpg", "small.png", "small.webp"):
        await thumbnail("photo.jpg", target)
        small = look(files / target)
        assert dict(small.getexif()) == {}
        assert small.info.get("icc_profile") == profile
        assert b"at home" not in (files / target).read_bytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I"])
@pytest.mark.parametrize("target", ["small.jpg", "small.png", "small.webp"])
async def test_pictures_of_all_modes_work(mode, target, files):
    grey = Image.linear_gradient("L")
    wide = Image.merge("RGB", (grey, grey, grey))
    if mode == "I;16":
        picture = Image.new("I;16", (256, 256), 32768)
    elif mode == "LA":
        picture = Image.merge("LA", (grey, grey))
    else:
        picture = wide.convert(mode)
    picture.save(files / "photo.tiff")
    await thumbnail("photo.tiff", target, width=64, height=64)
    small = look(files / target).convert("L")
    assert small.size == (64, 64)
    if mode == "I;16":
        assert small.getpixel((32, 32)) == pytest.approx(128, abs=2)


async def test_transparent_becomes_white_where_the_target_knows_no_transparency(files):
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(files / "clear.png")
    await thumbnail("clear.png", "small.jpg")
    assert look(files / "small.jpg").getpixel((25, 25)) == (255, 255, 255)
    await thumbnail("clear.png", "small.webp")
    assert look(files / "small.webp").convert("RGBA").getpixel((25, 25))[3] == 0


async def test_running_it_again_gives_the_same_bytes(files):
    make_image(files / "photo.jpg")
    await thumbnail("photo.jpg", "out/small.jpg")
    first = (files / "out" / "small.jpg").read_bytes()
    await thumbnail("photo.jpg", "out/small.jpg")
    assert (files / "out" / "small.jpg").read_bytes() == first


async def test_what_is_no_picture_is_refused_and_the_old_target_stays(files):
    (files / "notes.jpg").write_text("not a picture at all")
    (files / "small.png").write_bytes(b"an earlier one")
    assert await refusal("notes.jpg") == "notes.jpg is no picture in one of the formats JPEG, PNG, WEBP, GIF, BMP, TIFF"
    assert (files / "small.png").read_bytes() == b"an earlier one"
    assert sorted(path.name for path in files.iterdir()) == ["notes.jpg", "small.png"]


async def test_a_program_in_disguise_is_not_run(files):
    (files / "photo.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    assert "is no picture" in await refusal("photo.jpg")


async def test_a_cut_off_picture_is_refused_with_the_reason(files):
    whole = make_image(files / "photo.jpg").read_bytes()
    (files / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    message = await refusal("cut.jpg")
    assert message.startswith("cut.jpg is a broken picture: ")
    assert "truncated" in message or "broken data stream" in message


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
async def test_a_decompression_bomb_is_refused_unread(side, files):
    (files / "bomb.png").write_bytes(_png_of_zeros(side))
    message = await refusal("bomb.png")
    assert message.startswith("bomb.png is larger than the 60,000,000 pixels that are taken: ")


async def test_pictures_with_flipped_bytes_never_look_like_trouble_of_the_worker(files):
    rng = random.Random(11)
    for name in ("photo.jpg", "photo.png", "photo.gif", "photo.tiff", "photo.webp", "photo.bmp"):
        whole = make_image(files / name, 64, 48).read_bytes()
        for _ in range(60):
            broken = bytearray(whole)
            for _ in range(rng.randint(1, 8)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            (files / name).write_bytes(broken[: rng.randint(len(broken) // 2, len(broken))])
            ran = await run_handler(image_thumbnail, {"source": name, "target": "small.png"})
            if isinstance(ran.outcome, Failed):
                assert not ran.outcome.retryable, (name, ran.outcome)


def _png_of_zeros(side):
    def chunk(name, data):
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = side.to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((side + 7) // 8 + 1) * min(side, 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
