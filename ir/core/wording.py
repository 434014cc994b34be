"""Wording that every text shares."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 service`, `2 services`; `plural` where an s is not enough."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
