"""The page keeps the newest full figure of every line, and says of which run it is."""

import json

from bench.figures import Figure
from bench.report import BEGIN, END, write_page
from bench.scenarios.batch import BATCH
from bench.scenarios.idle import IDLE

MACHINE = {
    "at": "2026-03-01T10:00:00+00:00",
    "commit": "abc",
    "cpu": "A CPU",
    "cores": 2,
    "memory_gib": 8,
    "system": "Linux",
    "python": "3.11",
    "load_average": 0.1,
}


def keep(folder, name: str, figures: list[Figure], commit: str, scale: float = 1.0) -> None:
    document = {
        "machine": MACHINE | {"commit": commit},
        "options": {"scale": scale},
        "figures": [figure.document() for figure in figures],
    }
    (folder / f"{name}.json").write_text(json.dumps(document))


def test_the_newest_full_figure_of_every_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# By hand\n\n{BEGIN}\nold\n{END}\n\nMore by hand.\n")
    cpu = BATCH.figure("cpu", 0.12, us_per_job={"api": 50.0, "worker": 40.0})
    keep(tmp_path, "2026-01-01", [BATCH.figure("rate", 9_000), IDLE.figure("queries", 2.0)], "first")
    keep(tmp_path, "2026-02-01", [BATCH.figure("rate", 21_000), cpu], "second")
    keep(tmp_path, "2026-03-01", [BATCH.figure("rate", 5)], "third", scale=0.1)
    write_page(page, tmp_path)
    text = page.read_text()
    assert text.startswith("# By hand\n")
    assert text.endswith("More by hand.\n")
    assert "| at least 20,000 | 21,000 jobs/s | met | 2 |" in text
    assert "| at most 5 | 2 per s | met | 1 |" in text
    assert "| batch | 50 | 40 | 90 |" in text
    assert "commit second" in text
    assert "third" not in text
    assert "old" not in text
    write_page(page, tmp_path)
    assert page.read_text() == text
