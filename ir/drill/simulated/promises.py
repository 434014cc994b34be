"""A promise that a trial holds the tool to."""


class NotKept(AssertionError):
    """A promise that the tool makes was not kept."""


def promised(holds: object, said: str) -> None:
    """Raise `NotKept` unless it holds."""
    if not holds:
        raise NotKept(said)
