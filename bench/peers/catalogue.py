"""The peers: how each is run, and how one sees that a job's outcome is durable."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.load import EXAMPLE, Load
from bench.load.closed import post_many
from bench.rounds import SINGLE_CONNECTIONS
from jobstream.local.ports import HOST

OverHttp = Callable[[int], Callable[[int], Awaitable[Load]]]


def _posts(port: int) -> Callable[[int], Awaitable[Load]]:
    """Our own load against a peer's ``POST /jobs``."""

    async def submit(jobs: int) -> Load:
        return await post_many(HOST, port, "/jobs", EXAMPLE, requests=jobs, connections=SINGLE_CONNECTIONS)

    return submit


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them.

    Attributes:
        kept: what stays of a job when it is done.
        jobs: of one round at full scale.
        processes: programs of the peers' environment by part; ``{port}`` stands for the server's.
        setup: programs that are run before.
        over_http: submits by our load generator; None: by the peer's own client, ``submitter``.
        verify: a program that fails if a result is not right, where ``outcomes`` does not look at results.
        outcomes: counts the durable outcomes in its database; None: every result is a key in redis.
        least: how many times as fast we want to be; None: no wish.
    """

    name: str
    title: str
    kept: str
    jobs: int
    processes: dict[str, tuple[str, ...]]
    setup: tuple[tuple[str, ...], ...] = ()
    verify: tuple[str, ...] = ()
    redis: bool = False
    over_http: OverHttp | None = None
    submitter: str = ""
    outcomes: str | None = None
    least: float | None = field(default=None)


ALL = (
    Peer(
        "celery",
        "FastAPI + SQLAlchemy + Celery (redis), over HTTP",
        "row in PostgreSQL: PENDING, RUNNING, COMPLETED, result",
        4_000,
        {
            "web": (
                *("uvicorn", "bench.peers.celery_http.web:app", "--host", HOST, "--port", "{port}"),
                *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
            ),
            # One pool process a core.
            "worker": (
                *("celery", "-A", "bench.peers.celery_http.tasks", "worker", "--pool", "prefork", "--concurrency", "2"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
            ),
        },
        redis=True,
        over_http=_posts,
        outcomes="SELECT count(*) FROM jobs WHERE status = 'COMPLETED' AND result = '{\"output\": \"success\"}'",
        least=12.0,
    ),
    Peer(
        "taskiq",
        "Taskiq over the same Kafka, results in redis",
        "result in redis for an hour",
        20_000,
        {
            "worker": (
                *("taskiq", "worker", "bench.peers.taskiq_kafka:broker", "--workers", "1", "--log-level", "WARNING"),
                *("--max-async-tasks", "100", "--max-prefetch", "100"),
            )
        },
        setup=(("python", "-m", "bench.peers.taskiq_kafka", "install"),),
        verify=("python", "-m", "bench.peers.taskiq_kafka", "verify"),
        redis=True,
        submitter="bench.peers.taskiq_kafka",
    ),
    Peer(
        "pgqueuer",
        "PgQueuer",
        "a line in a log, no result",
        10_000,
        {
            "worker": ("python", "-m", "bench.peers.pgqueuer_jobs", "work"),
        },
        setup=(("python", "-m", "bench.peers.pgqueuer_jobs", "install"),),
        submitter="bench.peers.pgqueuer_jobs",
        outcomes="SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'",
    ),
    Peer(
        "procrastinate",
        "Procrastinate",
        "row in PostgreSQL with its state, no result",
        4_000,
        {
            "worker": (
                *("procrastinate", "--app", "bench.peers.procrastinate_jobs.app", "--log-level", "warning"),
                *("worker", "--concurrency", "20"),
            )
        },
        setup=(("procrastinate", "--app", "bench.peers.procrastinate_jobs.app", "schema", "--apply"),),
        submitter="bench.peers.procrastinate_jobs",
        outcomes="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
    ),
)
