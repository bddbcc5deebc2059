"""Where the demo plays."""

from dataclasses import dataclass
from pathlib import Path

from jobstream.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """A running cluster, and what the demo could prepare for its workers.

    Attributes:
        settings: of the Kafka door.
        files: the demo's own folder inside the one of the example handlers; None: it cannot be reached from here.
        mails: where the inbox keeps mails; None: the workers send them elsewhere.
        started: True if the demo started the cluster and stops it at its end.
    """

    api: str
    settings: Settings
    files: Path | None = None
    mails: Path | None = None
    started: bool = False
