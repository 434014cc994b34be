"""A command's options as the fields of a dataclass: typer reads them there, and the command gets one object."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import MISSING, Field, fields
from functools import wraps
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")
U = TypeVar("U")
Command = Callable[..., None]


def takes(kind: type[T]) -> Callable[[Callable[[T], None]], Command]:
    """The decorated function becomes a command with one option for each field of `kind`, each annotated as a parameter would be."""

    def made(function: Callable[[T], None]) -> Command:
        @wraps(function)
        def command(**given: Any) -> None:
            function(kind(**given))

        return _signed(command, _parameters(kind))

    return made


def takes_also(kind: type[T], more: type[U]) -> Callable[[Callable[[T, U], None]], Command]:
    """As `takes`, and options of another command, `more`, are taken without being shown; the function gets an object of each kind."""

    def made(function: Callable[[T, U], None]) -> Command:
        own, other = _parameters(kind), _parameters(more)

        @wraps(function)
        def command(**given: Any) -> None:
            function(kind(**{name: given[name] for name in own}), more(**{name: given[name] for name in other}))

        return _signed(command, {**{name: _hidden(one) for name, one in other.items() if name not in own}, **own})

    return made


def _parameters(kind: type[object]) -> dict[str, Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    rows: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]  # a dataclass, which no type can say
    empty = {row.name: Parameter.empty if row.default is MISSING else row.default for row in rows}
    return {name: Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[name]) for name, default in empty.items()}


def _hidden(parameter: Parameter) -> Parameter:
    kind, option = get_args(parameter.annotation)
    option = copy(option)
    option.hidden = True
    return parameter.replace(annotation=Annotated[kind, option])


def _signed(command: Command, parameters: Mapping[str, Parameter]) -> Command:
    """With the signature that typer reads instead of `**given`."""
    command.__signature__ = Signature(list(parameters.values()))  # type: ignore[attr-defined]  # functions take any attribute
    command.__annotations__ = {name: one.annotation for name, one in parameters.items()}
    return command
