"""The person who runs the tool is told by the user id; the environment, which anybody can set, is a remark."""

import os
import pwd

import pytest

from ir.adapters.stores.ownership_marks import owner
from ir.core import login
from ir.runtime.app_state import actor


def test_another_logname_makes_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = actor()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "bob")
    assert actor() == before == owner()
    assert before.partition("@")[0] == pwd.getpwuid(os.getuid()).pw_name
    assert "LOGNAME=bob" in login.remark()


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    assert login.login() == "uid-1234567"


def test_an_environment_that_agrees_is_no_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, login.login())
    assert login.remark() == ""
