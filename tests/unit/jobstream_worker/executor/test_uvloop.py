"""The same under uvloop, which workers run on."""

import uvloop

from jobstream.handlers.outcomes import Completed, Failed, Outcome
from tests.unit.jobstream_worker.executor.conftest import MakeExecutor, MakeRun


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    return outcome.error.code


def test_every_place_runs_and_times_out_under_uvloop(make_executor: MakeExecutor, make_run: MakeRun) -> None:
    async def main() -> None:
        async with make_executor(grace=0.2) as executor:
            for job_type in ("loop.sum", "thread.sum", "process.async_sum"):
                assert await executor.execute(make_run(job_type, a=1, b=2)) == Completed(b"3")
            assert code(await executor.execute(make_run("process.die", how="segfault"))) == "process_died"
            for job_type in ("loop.wait", "thread.wait_for_cancel", "process.spin"):
                assert code(await executor.execute(make_run(job_type, _timeout_s=0.2))) == "timeout"

    uvloop.run(main())
