"""Read single parameters, and refuse wrong ones in Stripe's words."""

from typing import Any

from ir.core.model import Json
from ir.drill.twin.error_answers import bad_request


def text(params: Json, name: str, default: str | None = None) -> str:
    """A string; missing without a default is a 400."""
    value = params.get(name, default)
    if value is None:
        raise bad_request(f"Missing required param: {name}.", "parameter_missing", param=name)
    if not isinstance(value, str):
        raise bad_request(f"Invalid string: {name}", param=name)
    return value


def integer(params: Json, name: str, default: int | None = None) -> int:
    """An integer, as v1 (string) or v2 (number) writes it."""
    value = params.get(name, default)
    if value is None:
        raise bad_request(f"Missing required param: {name}.", "parameter_missing", param=name)
    try:
        if isinstance(value, bool):
            raise TypeError
        return int(value)
    except (TypeError, ValueError):
        raise bad_request(f"Invalid integer: {name}", "parameter_invalid_integer", param=name) from None


def amount(params: Json, name: str = "amount", default: int | None = None) -> int:
    """A positive number of minor units."""
    value = integer(params, name, default)
    if value < 1:
        raise bad_request("This value must be greater than or equal to 1.", "parameter_invalid_integer", param=name)
    return value


def flag(params: Json, name: str, *, default: bool = False) -> bool:
    """A boolean, as v1 (`true`) or v2 writes it."""
    value = params.get(name, default)
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise bad_request(f"Invalid boolean: {value}", param=name)


def table(params: Json, name: str) -> Json:
    """A hash, empty when absent."""
    value = params.get(name, {})
    if not isinstance(value, dict):
        raise bad_request(f"Invalid object: {name}", param=name)
    return value


def names(params: Json, name: str) -> list[str]:
    """A list of strings, empty when absent."""
    value: Any = params.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_request(f"Invalid array: {name}", param=name)
    return value
