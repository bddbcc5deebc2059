import base64
from datetime import UTC, datetime

import pytest

from jobstream.errors import InvalidInput
from jobstream.ids import new_id
from jobstream_api.services import cursors


def test_a_cursor_leads_back_to_its_place():
    at, row_id = datetime(2026, 10, 1, 9, 30, 0, 123456, tzinfo=UTC), new_id()
    assert cursors.decode(cursors.encode(at, row_id)) == (at, row_id)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"7",
        b"null",
        b'["x", "y"]',
        b'["2026-01-01T00:00:00+00:00", 7]',
        b'[7, "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"]',
        b'["2026-01-01T00:00:00", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"]',
        b'["2026-01-01T00:00:00+00:00", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e", 1]',
        b'["0001-01-01T00:00:00+23:59", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"]',
        b'["9999-12-31T23:59:59-00:01", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"]',
        b"\xff\xfe",
    ],
)
def test_what_is_no_cursor_is_refused(raw):
    with pytest.raises(InvalidInput, match="invalid_cursor"):
        cursors.decode(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("text", ["a", "%", "é", "\0", "=" * 100])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(InvalidInput, match="invalid_cursor"):
        cursors.decode(text)
