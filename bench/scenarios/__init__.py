"""Every scenario, in the order in which they run."""

from bench.scenario import Scenario
from bench.scenarios.backlog import BACKLOG
from bench.scenarios.batch import BATCH
from bench.scenarios.idle import IDLE
from bench.scenarios.latency import LATENCY
from bench.scenarios.limits import LIMITS
from bench.scenarios.memory import MEMORY
from bench.scenarios.records import RECORDS
from bench.scenarios.retries import RETRIES
from bench.scenarios.rows10m import ROWS10M
from bench.scenarios.single import SINGLE
from bench.scenarios.snapshot import SNAPSHOT
from bench.scenarios.speedup import SPEEDUP

ALL: tuple[Scenario, ...] = (
    SINGLE,
    BATCH,
    RECORDS,
    LATENCY,
    IDLE,
    RETRIES,
    SPEEDUP,
    LIMITS,
    BACKLOG,
    MEMORY,
    ROWS10M,
    SNAPSHOT,
)
