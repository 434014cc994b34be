"""Ctrl-C that comes while something is printed: what tidies up behind it may fail, and then that failure is what is raised."""


def is_interruption(error: BaseException) -> bool:
    """Whether an error is Ctrl-C, or was raised while Ctrl-C was on its way out."""
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        if isinstance(behind, KeyboardInterrupt):
            return True
        seen.add(id(behind))
        behind = behind.__context__
    return False
