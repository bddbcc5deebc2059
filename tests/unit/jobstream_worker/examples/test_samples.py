"""Sample input is what it says, and the same each time."""

import csv

from PIL import Image

from jobstream_worker.examples.samples import CSV_COLUMNS, TORN_LINE, main, make_csv, make_image, make_video


def test_a_table_has_its_rows_and_is_the_same_each_time(tmp_path):
    first = make_csv(tmp_path / "a.csv", 60_000)
    with first.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == CSV_COLUMNS
    assert [row[0] for row in rows] == [str(number) for number in range(1, 60_001)]
    assert {len(row) for row in rows} == {7}
    assert make_csv(tmp_path / "b.csv", 60_000).read_bytes() == first.read_bytes()


def test_a_torn_table_differs_in_that_line_only(tmp_path):
    whole = make_csv(tmp_path / "a.csv", 60_000).read_text().splitlines()
    torn = make_csv(tmp_path / "b.csv", 60_000, torn_line=50_002).read_text().splitlines()
    assert [number for number, lines in enumerate(zip(whole, torn, strict=True), 1) if len(set(lines)) == 2] == [50_002]
    assert whole[50_001].startswith(torn[50_001])


def test_a_picture_and_a_film_are_the_same_each_time(tmp_path):
    for name, make in (("a.jpg", make_image), ("a.png", make_image), ("a.mp4", make_video)):
        first = make(tmp_path / name).read_bytes()
        assert make(tmp_path / f"again-{name}").read_bytes() == first
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.size == (1600, 1000)


def test_one_of_each_from_the_command_line(tmp_path, capsys):
    main(["--dir", str(tmp_path / "new" / "samples"), "--rows", "10"])
    made = {path.name: path for path in (tmp_path / "new" / "samples").iterdir()}
    assert sorted(made) == sorted(line.split()[0].rpartition("/")[2] for line in capsys.readouterr().out.splitlines())
    assert len(made["orders.csv"].read_text().splitlines()) == 11
    assert made["orders-torn.csv"].read_text().splitlines()[TORN_LINE - 1].count(",") == 2
    assert b"ftyp" in made["clock.mp4"].read_bytes()[:16]
    assert b"ftyp" not in made["no-film.mp4"].read_bytes()[:16]
