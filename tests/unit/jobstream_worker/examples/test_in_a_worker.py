"""Every example runs where a worker runs it: on the loop, in a thread, in a child process."""

from jobstream.handlers.outcomes import Completed, Failed
from jobstream_worker.examples.inbox import Inbox
from jobstream_worker.examples.samples import make_csv, make_image, make_video


async def test_every_example_does_its_work_and_fails_when_told(files, tmp_path, monkeypatch, worker_executor):
    make_csv(files / "orders.csv", 1_000)
    make_image(files / "photo.jpg")
    make_video(files / "film.mp4", 2.0)
    work = {
        "example": {"task": "example", "value": 42},
        "flaky": {"failures": 0},
        "compute": {"limit": 10_000},
        "image.thumbnail": {"source": "photo.jpg", "target": "photo-small.jpg"},
        "video.thumbnail": {"source": "film.mp4", "target": "film-small.jpg"},
        "data.pipeline": {"source": "orders.csv", "target": "orders.parquet", "group_by": "country"},
        "email.send": {"to": ["ann@example.org"], "subject": "Hello", "text": "It works."},
    }
    async with Inbox(tmp_path / "inbox") as inbox, worker_executor() as (execute, make_run):
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", inbox.url)
        for job_type, payload in work.items():
            outcome = await execute(make_run(job_type, payload))
            assert isinstance(outcome, Completed), (job_type, outcome)
        assert len(inbox.received) == 1
        assert {path.name for path in files.iterdir()} == {
            *("orders.csv", "photo.jpg", "film.mp4"),
            *("orders.parquet", "photo-small.jpg", "film-small.jpg"),
        }
        failures = {"doomed": {}, "flaky": {"failures": 1}, "data.pipeline": {"source": "film.mp4", "target": "x.csv"}}
        for job_type, payload in failures.items():
            outcome = await execute(make_run(job_type, payload))
            assert isinstance(outcome, Failed), (job_type, outcome)
            assert outcome.retryable == (job_type != "data.pipeline")
