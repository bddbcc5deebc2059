"""video.thumbnail on real films, made by the same ffmpeg, and on what is none."""

import asyncio
import signal
import time

import psutil
import pytest
from PIL import Image

from jobstream.handlers.outcomes import Failed
from jobstream.testing import run_handler
from jobstream_worker.examples.ffmpeg import FfmpegRun, run_ffmpeg
from jobstream_worker.examples.samples import make_video
from jobstream_worker.examples.video_thumbnail import VideoThumbnail, failure, video_thumbnail
from tests.support.eventually import eventually

ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "-")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """One film of two seconds in each of some formats."""
    folder = tmp_path_factory.mktemp("films")
    return {suffix: make_video(folder / f"film.{suffix}", 2.0) for suffix in ("mp4", "mkv", "avi", "gif", "mpg")}


@pytest.fixture
def film(files, films):
    (files / "film.mp4").symlink_to(files / "real.mp4")
    (files / "real.mp4").write_bytes(films["mp4"].read_bytes())
    return files / "film.mp4"


async def refusal(source, **payload):
    ran = await run_handler(video_thumbnail, {"source": source, "target": "small.jpg", **payload})
    assert isinstance(ran.outcome, Failed), ran.outcome
    assert not ran.outcome.retryable
    return ran.outcome.error.message


def look(path):
    with Image.open(path) as image:
        image.load()
        return image


def ffmpegs():
    return [child for child in psutil.Process().children(recursive=True) if "ffmpeg" in child.name()]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "gif", "mpg"])
async def test_a_frame_becomes_a_picture(suffix, films, files):
    (files / f"film.{suffix}").write_bytes(films[suffix].read_bytes())
    payload = {"source": f"film.{suffix}", "target": "small.jpg", "at_s": 0.5, "width": 160}
    ran = await run_handler(video_thumbnail, payload)
    assert ran.result == {"target": "small.jpg", "at_s": 0.5, "bytes": (files / "small.jpg").stat().st_size}
    small = look(files / "small.jpg")
    assert (small.format, small.size) == ("JPEG", (160, 90))
    assert len(set(small.convert("RGB").resize((16, 9)).get_flattened_data())) > 20  # the test picture is colourful
    assert ran.progress[-1][0] == 1.0
    assert sorted(path.name for path in files.iterdir()) == [f"film.{suffix}", "small.jpg"]


@pytest.mark.parametrize("target", ["small.png", "small.webp", "small.jpeg", "new/small.jpg"])
async def test_the_target_says_the_format_and_the_box_is_kept(target, film, files):
    await run_handler(video_thumbnail, {"source": "film.mp4", "target": target, "width": 1000, "height": 90})
    small = look(files / target)
    assert small.format == {"png": "PNG", "webp": "WEBP"}.get(target[-4:].strip("."), "JPEG")
    assert small.size == (160, 90)


async def test_films_are_not_enlarged(film, files):
    await run_handler(video_thumbnail, {"source": "film.mp4", "target": "small.png", "width": 4000, "height": 4000})
    assert look(files / "small.png").size == (640, 360)


async def test_another_second_is_another_picture_and_the_same_one_is_the_same(film, files):
    seen = []
    for at_s in (0.0, 1.5, 1.5):
        await run_handler(video_thumbnail, {"source": "film.mp4", "target": "small.png", "at_s": at_s})
        seen.append((files / "small.png").read_bytes())
    assert seen[0] != seen[1] == seen[2]


async def test_what_is_no_film_is_refused_in_the_words_of_ffmpeg_and_the_old_target_stays(files):
    (files / "notes.mp4").write_text("no film, just words")
    (files / "small.jpg").write_bytes(b"an earlier one")
    assert await refusal("notes.mp4") == (
        "notes.mp4 is no film that ffmpeg can read: Error opening input files: Invalid data found when processing input"
    )
    assert (files / "small.jpg").read_bytes() == b"an earlier one"
    assert sorted(path.name for path in files.iterdir()) == ["notes.mp4", "small.jpg"]


async def test_a_cut_off_film_is_refused(films, files):
    whole = films["mp4"].read_bytes()
    (files / "cut.mp4").write_bytes(whole[: len(whole) // 2])  # what says where the frames are stands at the end
    assert await refusal("cut.mp4") == (
        "cut.mp4 is no film that ffmpeg can read: Error opening input files: Invalid data found when processing input"
    )
    (files / "empty.mp4").touch()
    assert "is no film that ffmpeg can read: " in await refusal("empty.mp4")


async def test_a_second_after_the_end_is_refused_with_the_length(film):
    assert await refusal("film.mp4", at_s=7) == "film.mp4 has no frame at 7 s or later; it lasts 2 s"


async def test_a_film_that_breaks_off_gives_the_frames_it_has(films, files):
    whole = films["mkv"].read_bytes()
    (files / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    early = await run_handler(video_thumbnail, {"source": "cut.mkv", "target": "small.jpg", "at_s": 0.2})
    assert early.result["bytes"] > 0
    assert await refusal("cut.mkv", at_s=1.9) == "cut.mkv has no frame at 1.9 s or later; it lasts 2 s"


async def test_frames_that_are_too_large_are_refused(film, monkeypatch):
    monkeypatch.setattr("jobstream_worker.examples.video_thumbnail.MAX_FRAME_PIXELS", 640 * 360 - 1)
    message = await refusal("film.mp4", at_s=0)
    assert message == "film.mp4 has frames of more than the 230,399 pixels that are taken"


async def test_sound_alone_has_no_frame(files):
    sound = ("-f", "lavfi", "-i", "sine=duration=1", str(files / "sound.mp4"))
    assert (await run_ffmpeg(sound, timeout_s=30)).code == 0
    assert await refusal("sound.mp4") == "sound.mp4 has no pictures in it, only sound"


async def test_a_playlist_does_not_reach_other_files(film, files, tmp_path, films):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(films["mp4"].read_bytes())
    (files / "list.mp4").write_text(f"ffconcat version 1.0\nfile {secret}\n")
    (files / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n")
    for name in ("list.mp4", "list.m3u8"):
        assert f"{name} is no film that ffmpeg can read" in await refusal(name)


async def test_a_picture_pattern_in_a_name_is_only_a_name(film, files):
    await run_handler(video_thumbnail, {"source": "film.mp4", "target": "frame-%03d.jpg"})
    assert (files / "frame-%03d.jpg").is_file()


async def test_cancelled_ffmpeg_is_gone():
    task = asyncio.create_task(run_ffmpeg(ENDLESS, timeout_s=60))
    await eventually(ffmpegs, timeout=20, every=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ffmpegs() == []


async def test_ffmpeg_that_takes_too_long_is_ended():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await run_ffmpeg(ENDLESS, timeout_s=0.3)
    assert time.monotonic() - began < 5
    assert ffmpegs() == []


async def test_a_film_that_takes_too_long_is_worth_a_retry(film, files, monkeypatch):
    monkeypatch.setattr("jobstream_worker.examples.video_thumbnail.FFMPEG_TIMEOUT_S", 0.001)
    ran = await run_handler(video_thumbnail, {"source": "film.mp4", "target": "small.jpg"})
    assert isinstance(ran.outcome, Failed)
    assert ran.outcome.retryable
    assert ran.outcome.error.message == "ffmpeg took longer than 0.001 s with film.mp4"
    assert not (files / "small.jpg").exists()


async def test_a_talkative_ffmpeg_does_not_fill_the_memory():
    noise = ("-loglevel", "trace", "-f", "lavfi", "-i", "testsrc=duration=20", "-f", "null", "-")
    run = await run_ffmpeg(noise, timeout_s=60)
    assert run.code == 0
    assert 1000 < sum(len(line) for line in run.lines) < 64 * 1024


@pytest.mark.parametrize(
    "run",
    [FfmpegRun(-signal.SIGKILL, []), FfmpegRun(228, ["[out#0/image2 @ 0x1] [error] Error: No space left on device"])],
)
def test_trouble_of_the_machine_is_worth_a_retry(run):
    error = failure(run, VideoThumbnail(source="film.mp4", target="small.jpg"))
    assert isinstance(error, RuntimeError)
    assert "signal 9" in str(error) or "no space left" in str(error)
