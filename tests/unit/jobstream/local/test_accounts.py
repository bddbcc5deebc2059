"""Root runs PostgreSQL as somebody else; everybody else runs it as themselves."""

import os

import pytest

from jobstream.local import accounts
from jobstream.local.accounts import Account, run_as, unprivileged


def test_who_is_not_root_needs_no_account(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(tmp_path) is None
    assert run_as(None, ["postgres", "-D", "x"]) == (["postgres", "-D", "x"], None, None)


def test_root_becomes_somebody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    account = unprivileged(tmp_path / "not there yet")
    assert account is not None
    assert account.uid != 0


def test_without_the_capability_the_ids_are_set_plainly(monkeypatch):
    monkeypatch.setattr(accounts, "_capability", lambda account: None)
    assert run_as(Account("nobody", 65534, 65533), ["postgres"]) == (["postgres"], 65534, 65533)


def test_with_it_setpriv_comes_before(monkeypatch):
    monkeypatch.setattr(accounts, "_capability", lambda account: "dac_read_search")
    argv, user, group = run_as(Account("nobody", 65534, 65533), ["postgres", "-D", "x"])
    assert (argv[0], argv[-3:], user, group) == ("setpriv", ["postgres", "-D", "x"], None, None)
    assert "--ambient-caps=-all,+dac_read_search" in argv


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a folder to another account")
def test_the_owner_of_an_existing_folder_stays_its_owner(tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    os.chown(folder, 65534, -1)
    account = unprivileged(folder)
    assert account is not None
    assert account.uid == 65534
