"""What is played: jobs of every example type through both doors, a few of them bound to fail."""

from collections.abc import Collection
from itertools import cycle
from typing import Any

import orjson

from jobstream.cli.demo.acts import Act, Door
from jobstream.cli.demo.foretold import Foretold, equals, file_was_made, mail_arrived
from jobstream.cli.demo.place import Place
from jobstream.contracts.status import JobStatus

ROWS = 1_000_000
FOLDER = "jobstream-demo"
"""The demo's folder inside the one of the example handlers. It is emptied at each start."""

PRIMES_TO, PRIMES = 300_000_000, 16_252_325
"""So many primes there are up to that limit."""


def program(place: Place, types: Collection[str]) -> tuple[list[Act], dict[str, str]]:
    """The jobs to play, their doors alternating; and the types left out, with the reason.

    Args:
        types: what the workers can run.
    """
    acts: list[Act] = []
    left_out: dict[str, str] = {}
    for act in _every_act():
        if act.type not in types:
            left_out[act.type] = "no worker runs it: they need jobstream-worker[examples]"
        elif act.type == "email.send" and place.mails is None:
            left_out[act.type] = "the workers' mails go to a server that is not the demo's"
        elif "source" in act.payload and place.files is None:
            left_out[act.type] = "the workers' files are out of the demo's reach"
        else:
            acts.append(act)
    for act, door in zip(acts, cycle(Door), strict=False):
        act.door = door
    return acts, left_out


def _every_act() -> list[Act]:
    # The long ones come early, so that their bars move while the others come and go.
    primes = Foretold(holds=equals(primes=PRIMES), tells=lambda result: f"{result['primes']:,} primes")
    success = Foretold(holds=equals(output="success"), tells=lambda result: orjson.dumps(result).decode())
    return [
        Act("data.pipeline", "1 M rows", _files("orders.csv", "orders.parquet") | _GROUPS, _table()),
        Act("data.pipeline", "torn CSV", _files("orders-torn.csv", "torn.parquet"), _fails("line 700: it is torn")),
        Act("compute", "to 300 M", {"limit": PRIMES_TO}, primes),
        Act("compute", "to 300 M", {"limit": PRIMES_TO}, primes),
        Act("video.thumbnail", "MP4", _files("clock.mp4", "clock.jpg"), _film()),
        Act("video.thumbnail", "no film", _files("no-film.mp4", "no-film.jpg"), _fails("is no film")),
        Act("image.thumbnail", "JPEG", _files("sunset.jpg", "sunset.webp"), _picture(320, 200)),
        Act("image.thumbnail", "sideways", _files("sunset-sideways.png", "upright.png"), _picture(200, 320)),
        Act("email.send", "ann@", _mail("ann"), _mailed(attempts=1)),
        Act("email.send", "greylisted@", _mail("greylisted"), _mailed(attempts=2)),
        Act("email.send", "refused@", _mail("refused"), _fails("no such mailbox")),
        Act("flaky", "3rd try", {"failures": 2}, _stubborn(3)),
        Act("flaky", "2nd try", {"failures": 1}, _stubborn(2)),
        Act("doomed", "", {}, _fails("this job always fails", attempts=3)),
        Act("doomed", "", {"message": "not even once"}, _fails("not even once", attempts=3)),
        Act("example", "41", {"value": 41}, success),
        Act("example", "42", {"value": 42}, success),
    ]


_GROUPS = {"group_by": "country", "totals": ["quantity"]}


def _files(source: str, target: str) -> dict[str, Any]:
    return {"source": f"{FOLDER}/{source}", "target": f"{FOLDER}/{target}"}


def _mail(name: str) -> dict[str, Any]:
    return {
        "to": [f"{name}@example.org"],
        "subject": "Your order is on its way",
        "text": f"Dear {name},\n\nit left our house today.\n",
    }


def _fails(says: str, attempts: int = 1) -> Foretold:
    return Foretold(JobStatus.FAILED, attempts, says=says)


def _mailed(attempts: int) -> Foretold:
    return Foretold(attempts=attempts, holds=mail_arrived, tells=lambda _result: "in the inbox")


def _stubborn(attempts: int) -> Foretold:
    return Foretold(
        attempts=attempts, holds=equals(attempts=attempts), tells=lambda result: f"{result['attempts']} attempts"
    )


def _film() -> Foretold:
    return Foretold(holds=file_was_made, tells=lambda result: f"second {result['at_s']:g}, {_size(result)}")


def _picture(width: int, height: int) -> Foretold:
    def holds(result: Any, place: Place) -> str | None:
        return equals(width=width, height=height)(result, place) or file_was_made(result, place)

    return Foretold(holds=holds, tells=lambda result: f"{result['width']} x {result['height']} pixels, {_size(result)}")


def _table() -> Foretold:
    def holds(result: Any, place: Place) -> str | None:
        rows = sum(group["rows"] for group in result["groups"])
        if rows != ROWS:
            return f"its groups have {rows:,} rows instead of {ROWS:,}"
        return equals(rows=ROWS)(result, place) or file_was_made(result, place)

    return Foretold(holds=holds, tells=lambda result: f"{result['rows']:,} rows, {_size(result)}")


def _size(result: dict[str, Any]) -> str:
    size = int(result["bytes"])
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1_000:.1f} kB"
