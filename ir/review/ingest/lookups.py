"""Look columns up instead of working them out: most columns of a log have few values, and a scrubbed one costs several times a look-up.

A table of the usual values of some raw columns has these as `v_COLUMN`, what is made of them as `u_OUTPUT`, and a column that tells a row
that was found. What is not in it is worked out as if there were no table, so that the result is the same.
"""

from collections.abc import Iterable, Mapping

ByColumn = Mapping[str, Mapping[str, str]]
"""Raw column → output column → the SQL expression that makes it of the raw one."""
Steps = Mapping[str, tuple[str, str]]
"""Raw column → an intermediate column that its outputs are made of, and the expression for that."""
Usual = Mapping[str, tuple[str, ...]]
"""Name of a table of usual values → its raw columns."""


def outputs(made: ByColumn, usual: Usual) -> dict[str, str]:
    """Output column → its SQL expression, over the raw columns and the joined tables."""
    return {
        output: f"CASE WHEN found_{table} IS NULL THEN {expression} ELSE u_{output} END" if (table := _table(usual, raw)) else expression
        for raw, several in made.items()
        for output, expression in several.items()
    }


def joins(usual: Usual) -> str:
    """Joins of the tables to a relation `r` of raw columns."""
    return " ".join(f"LEFT JOIN {table_of(table)} ON {' AND '.join(map(_same, raws))}" for table, raws in usual.items())


def between(steps: Steps, there: Iterable[str], usual: Usual) -> str:
    """Intermediate columns, each ending in a comma; none is worked out for what is looked up."""
    return "".join(f"{_worked_out(steps[raw][1], _table(usual, raw))} AS {steps[raw][0]}, " for raw in there if raw in steps)


def _worked_out(expression: str, table: str) -> str:
    return f"CASE WHEN found_{table} IS NULL THEN {expression} END" if table else expression


def table_sql(table: str, made: ByColumn, steps: Steps, sample: str) -> str:
    """The SELECT of a table of usual values: those that occur more than once in a sample of raw rows."""
    names = ", ".join(made)
    cells = ", ".join(f"{expression} AS u_{output}" for several in made.values() for output, expression in several.items())
    values = f"SELECT {between(steps, made, {})} {names} FROM {sample} GROUP BY {names} HAVING COUNT(*) > 1"
    raws = ", ".join(f"{raw} AS v_{raw}" for raw in made)
    return f"SELECT {raws}, {cells}, true AS found_{table} FROM ({values})"


def table_of(name: str) -> str:
    """What the table is called in the engine."""
    return f"usual_{name}"


def _table(usual: Usual, raw: str) -> str:
    return next((table for table, raws in usual.items() if raw in raws), "")


def _same(raw: str) -> str:
    return f"r.{raw} IS NOT DISTINCT FROM v_{raw}"
