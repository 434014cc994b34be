"""The calls that a run makes at Vault or OpenBao, all of them: what a policy has to allow. Paths are below the mount."""

from ir.ports.store import Call

CALLS = (
    Call("read", "data/{path}", "every look", "done", read=True),
    Call("update", "data/{path}", "promote, undo", "asked"),
    Call("read", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    Call("create", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    Call("update", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    Call("delete", "metadata/{path}.ir-{incident}", "discard", "asked"),
    Call("read", "metadata/{path}.ir-{incident}", "whose stage it is", hint=True),
    Call("update", "metadata/{path}.ir-{incident}", "whose stage it is", hint=True),
    Call("list", "metadata/{folder}", "what others left", hint=True),
    Call("read", "metadata/{path}", "how many versions are kept; timers", hint=True),
    Call("update", "metadata/{path}", "lifting a timer", hint=True),
    Call("update", "undelete/{path}", "lifting a timer", hint=True),
    Call("read", "config", "how many versions are kept; timers", hint=True),
    Call("update", "/sys/capabilities-self", "asking what we may do", hint=True),
    Call("read", "/sys/internal/ui/mounts", "why nothing was found", hint=True),
)


def needed(path: str, incident: str, *, beside: bool) -> dict[str, set[str]]:
    """API path → capabilities without which the secret (or, `beside` it, what we keep) cannot be handled; those that Vault tells."""
    found: dict[str, set[str]] = {}
    for call in CALLS:
        if call.proof == "asked" and (".ir-" in call.on) is beside:
            found.setdefault(call.on.format(path=path, incident=incident), set()).add(call.right)
    return found
