from datetime import UTC, datetime

from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream.ids import new_id
from jobstream_api.domain.errors import NotUnique
from jobstream_api.repositories.idempotency import Claim, Remembered
from jobstream_api.services.remembering import FRESH, Existing, first_verdicts, remembered
from jobstream_api.services.uniqueness import Rival
from tests.support.offline import offline_app

AT = datetime(2026, 10, 1, tzinfo=UTC)


def drafts(count):
    app, _ = offline_app()
    return [app.state.parts.drafter.draft({"payload": {"task": "example"}}) for _ in range(count)]


def row(job_id, **columns):
    own = {"id": job_id, "payload": {"task": "example"}, "max_retries": None, "priority": 0, "created_at": AT}
    return FRESH | own | {"run_at": None, "dispatch_at": None, "start_before": None} | columns


def test_what_became_of_a_batch_comes_back_place_by_place():
    made, bad, twin, known = drafts(4)
    there, blocker = new_id(), new_id()
    ids = tuple(draft.id for draft in (made, bad, twin, known))
    claim = Claim("batch", "k", b"", ids, {"1": ["invalid_field", "/payload", "no"]})
    met = {
        twin.id: Rival(blocker, JobStatus.RUNNING),
        known.id: Rival(there, JobStatus.RUNNING, row(there, status="RUNNING", started_at=AT)),
    }
    refusal = InvalidInput("unstorable", "", "no")
    kept = remembered(claim, [made, bad, twin, known], {bad.id: refusal}, met)
    assert kept is not None
    assert kept.job_ids == (made.id,)
    rows = {made.id: row(made.id, status="COMPLETED"), there: row(there, status="FAILED", result=1)}
    items = [made, InvalidInput("invalid_field", "/payload", "no"), bad, twin, known]
    verdicts = first_verdicts(Remembered(b"", kept.job_ids, kept.refusals, AT), rows, items)
    assert isinstance(verdicts[0], dict)
    assert verdicts[0].items() >= row(made.id).items()
    assert isinstance(verdicts[1], InvalidInput)
    assert isinstance(verdicts[2], InvalidInput)
    assert verdicts[2].code == "unstorable"
    assert isinstance(verdicts[3], NotUnique)
    assert verdicts[3].job_id == blocker
    assert isinstance(verdicts[4], Existing)
    assert (verdicts[4].row["status"], verdicts[4].row["started_at"]) == ("RUNNING", AT)
    assert verdicts[4].row["result"] is None


def test_a_use_that_made_nothing_is_forgotten():
    [draft] = drafts(1)
    claim = Claim("submit", "k", b"", (draft.id,))
    assert remembered(claim, [draft], {}, {draft.id: Rival(new_id(), JobStatus.RUNNING)}) is None
    assert remembered(claim, [draft], {draft.id: InvalidInput("unstorable", "", "no")}, {}) is None
    assert remembered(claim, [draft], {}, {}) == claim
