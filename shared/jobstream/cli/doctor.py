"""``jobstream doctor``: what is wrong here, and what to do about it."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import httpx2
import typer

from jobstream.cli.address import Api, api_url, known_settings
from jobstream.cli.output import Exit, Format, print_json, run
from jobstream.errors import ConfigurationError, JobstreamError
from jobstream.kafka import topics
from jobstream.kafka.probe import cluster_size
from jobstream.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        state: ``ok``, ``warning`` (works, but), ``error``, or ``skipped`` (an earlier error hides it).
        fix: what to do about it; empty if all is well.
    """

    check: str
    state: str
    detail: str
    fix: str = ""


Check = Callable[[Settings, str | None], Awaitable[Finding]]


def doctor(
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print.")] = Format.TABLE, api: Api = None
) -> None:
    """Check settings, Java, Kafka, topics and the api; say what to do. Exit codes: 0 no error, 1 errors."""
    findings = run(examine(api))
    if output is Format.JSON:
        print_json({"checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<8} {finding.check}: {finding.detail}")
            if finding.fix:
                typer.echo(f"         {finding.fix}")
    if any(finding.state == "error" for finding in findings):
        raise typer.Exit(Exit.FAILED)


async def examine(api: str | None) -> list[Finding]:
    """Run every check, in an order in which the first error is the one to look at."""
    findings = [_python()]
    try:
        settings = known_settings()
    except ConfigurationError as error:
        return [*findings, Finding("settings", "error", str(error), "Correct these environment variables, or .env.")]
    findings.append(Finding("settings", "ok", f"Kafka at {settings.kafka_bootstrap_servers}"))
    findings.append(_local())
    broker = await check_broker(settings)
    findings.append(broker)
    if broker.state == "ok":
        findings.append(await check_topics(settings))
    else:
        findings.append(Finding("topics", "skipped", "Kafka does not answer"))
    findings.append(await check_api(api))
    return findings


def _python() -> Finding:
    return Finding("python", "ok", ".".join(map(str, sys.version_info[:3])))


def _local() -> Finding:
    """What `jobstream up` will run on."""
    try:
        from jobstream.local import embedded, jars

        java = jars.find_java()
    except ImportError:
        return Finding("up", "warning", "the extra `local` is not installed", "pip install 'jobstream[local]'")
    except JobstreamError as error:
        fix = f"Install a JDK or JRE {jars.MIN_JAVA}+ and Maven to run Apache Kafka here, or use --broker HOST:PORT."
        if embedded.is_available():
            return Finding("up", "warning", f"{error}; `jobstream up` takes the embedded broker", fix)
        return Finding("up", "warning", f"{error}, nor the embedded broker", fix)
    if not jars.is_cached() and shutil.which("mvn") is None:
        return Finding("up", "warning", f"{java}, but no mvn to fetch Apache Kafka with", "Install Maven.")
    return Finding("up", "ok", f"Apache Kafka can run here ({java})")


async def check_broker(settings: Settings) -> Finding:
    """Whether Kafka answers."""
    try:
        size = await cluster_size(settings)
    except Exception as error:
        return Finding(
            "kafka",
            "error",
            f"{settings.kafka_bootstrap_servers} does not answer ({type(error).__name__})",
            "Start it (`jobstream up`), or set JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS and the JOBSTREAM_KAFKA_SASL_* ones.",
        )
    return Finding("kafka", "ok", f"{settings.kafka_bootstrap_servers}, {size} broker{'' if size == 1 else 's'}")


async def check_topics(settings: Settings) -> Finding:
    """Whether the topics are as planned."""
    try:
        changes = await topics.plan(settings)
    except JobstreamError as error:
        return Finding("topics", "error", str(error), "See that this user may describe topics and their configs.")
    if changes:
        fix = "Run `jobstream topics apply`."
        return Finding("topics", "error", "; ".join(str(change) for change in changes), fix)
    return Finding("topics", "ok", "as they should be")


async def check_api(given: str | None) -> Finding:
    """Whether the api is ready."""
    try:
        url = api_url(given)
    except ConfigurationError as error:
        return Finding("api", "warning", "none is known", str(error))
    try:
        async with asyncio.timeout(5.0), httpx2.AsyncClient() as client:
            response = await client.get(f"{url}/readyz")
    except (httpx2.HTTPError, TimeoutError) as error:
        fix = "Start it (`jobstream api`), or correct --api or JOBSTREAM_API_URL."
        return Finding("api", "error", f"{url} does not answer ({type(error).__name__})", fix)
    if response.status_code != 200:
        return Finding("api", "error", f"{url} is not ready: {response.text[:500]}", "See the api's log.")
    return Finding("api", "ok", f"{url} is ready")
