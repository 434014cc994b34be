"""The error tree: every leaf owns one exit code, says what is safe and what to do, and is drawn in the docstring."""

import inspect
import re

import pytest

from ir.core import errors
from ir.core.errors import (
    AlreadyRunning,
    BadFile,
    ExitCode,
    Interrupted,
    IrError,
    MisuseFound,
    PortError,
    Refused,
    Unreplayable,
    UsageError,
    Waiting,
)

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, IrError)]


def test_exit_codes_are_those_that_the_command_line_promises() -> None:
    promised = {0, 1, 2, 3, 4, 5, 6, 7, 130}
    assert {int(code) for code in ExitCode} == promised


def test_every_exit_code_has_a_meaning_of_its_own() -> None:
    meanings = [code.meaning for code in ExitCode]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_the_tree(kind: type[IrError]) -> None:
    line = re.search(rf"\b{kind.__name__}\b +(\d+)?", errors.__doc__ or "")
    assert line, "not drawn"
    if line.group(1):
        assert int(line.group(1)) == kind.exit_code
    assert kind.__doc__


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (IrError, 1),
        (UsageError, 2),
        (BadFile, 2),
        (Refused, 3),
        (AlreadyRunning, 3),
        (Waiting, 4),
        (MisuseFound, 7),
        (Interrupted, 130),
        (PortError, 1),
    ],
)
def test_exit_code_of_each_family(kind: type[IrError], code: int) -> None:
    assert kind.exit_code == code
    assert all(child.exit_code == code for child in kind.__subclasses__() if kind not in (IrError, UsageError, Refused))


def test_no_error_is_a_success() -> None:
    assert all(kind.exit_code != ExitCode.DONE for kind in CLASSES)


@pytest.mark.parametrize("kind", [k for k in CLASSES if k not in (BadFile, AlreadyRunning, Unreplayable)], ids=lambda kind: kind.__name__)
def test_says_what_happened_what_is_safe_and_what_to_do(kind: type[IrError]) -> None:
    error = kind("it broke", safe="nothing was changed", next_step="ir resume")
    assert (str(error), error.what, error.safe, error.next_step) == ("it broke", "it broke", "nothing was changed", "ir resume")
    bare = kind("it broke")
    assert (bare.safe, bare.next_step) == ("", "")


def test_a_bad_file_names_file_line_path_and_fix() -> None:
    error = BadFile("inventory.yaml", 7, "services[1].verify", "is missing", "add a check")
    assert str(error) == "inventory.yaml:7: services[1].verify: is missing"
    assert (error.file, error.line, error.path, error.next_step) == ("inventory.yaml", 7, "services[1].verify", "add a check")
    assert str(BadFile("inventory.yaml", 0, "", "is empty")) == "inventory.yaml: is empty"
    assert error.safe == "nothing was changed"


def test_already_running_names_the_incident_that_blocks() -> None:
    error = AlreadyRunning("the key is being rotated", incident="INC-20260102-abcd", next_step="ir status INC-20260102-abcd")
    assert error.incident == "INC-20260102-abcd"
    assert error.safe == "nothing was changed"


def test_port_errors_are_leaves_of_one_family() -> None:
    leaves = {kind.__name__ for kind in PortError.__subclasses__() if kind.__module__ == errors.__name__}
    assert leaves == {"Denied", "Missing", "Conflict", "Rejected", "Unknown"}


def test_what_cannot_be_replayed_names_every_way_out() -> None:
    error = Unreplayable("INC-1 cannot be replayed", incident="INC-1", begun="version 7", again="ir rotate stripe payments")
    assert error.safe == "nothing was changed" and error.next_step.startswith(
        "resume it with version 7; or end it without replay: ir abort"
    )
    assert "ir rotate stripe payments; to stop the leak now: ir contain INC-1" in error.next_step
    assert "resume" not in Unreplayable("INC-1 was stopped by its engine", incident="INC-1").next_step
