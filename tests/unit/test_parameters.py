"""No function takes more than a reader can keep in mind: options of a command are the fields of one object."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

import ir
from ir.cli.terminal.option_groups import takes, takes_also

MOST = 12


def _functions() -> Iterator[tuple[str, int]]:
    for file in Path(ir.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                words = node.args
                named = [word.arg for word in (*words.posonlyargs, *words.args, *words.kwonlyargs)]
                yield f"{file.name}:{node.lineno} {node.name}", len(named) - (named[:1] in (["self"], ["cls"]))


def test_no_function_has_more_parameters_than_a_dozen() -> None:
    assert [name for name, count in _functions() if count > MOST] == []


@dataclass(frozen=True)
class Common:
    """Of both commands."""

    loud: Annotated[bool, typer.Option("--loud", help="Loudly.")] = False


@dataclass(frozen=True)
class One(Common):
    """Of the first."""

    name: Annotated[str, typer.Argument(help="Which.")] = ""


@dataclass(frozen=True)
class Many(Common):
    """Of the second."""

    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False
    tag: Annotated[list[str] | None, typer.Option(help="Those.")] = None


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()

    @made.command()
    @takes_also(One, Many)
    def one(said: One, more: Many) -> None:
        """Say what was said."""
        typer.echo(f"{said} {more}")

    @made.command()
    @takes(Many)
    def many(said: Many) -> None:
        typer.echo(str(said))

    return made


def test_a_command_gets_one_object_and_takes_the_options_of_another_without_showing_them(app: typer.Typer) -> None:
    run = CliRunner()
    assert run.invoke(app, ["many", "--all", "--tag", "a", "--tag", "b"]).output.strip() == str(Many(every=True, tag=["a", "b"]))
    told = run.invoke(app, ["one", "k", "--loud", "--all"]).output.strip()
    assert told == f"{One(loud=True, name='k')} {Many(loud=True, every=True)}"
    shown = run.invoke(app, ["one", "--help"]).output
    assert "--loud" in shown and "Say what was said" in shown
    assert "--all" not in shown and "--tag" not in shown
