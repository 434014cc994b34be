"""Every call that a run makes at Vault or OpenBao, so that a policy can allow them. Paths are below the mount."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("read", "data/{path}", "every look", "done", read=True),
    PolicyCall("update", "data/{path}", "promote, undo", "asked"),
    PolicyCall("read", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    PolicyCall("create", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    PolicyCall("update", "data/{path}.ir-{incident}", "custody, stage", "asked"),
    PolicyCall("delete", "metadata/{path}.ir-{incident}", "discard", "asked"),
    PolicyCall("read", "metadata/{path}.ir-{incident}", "whose stage it is", hint=True),
    PolicyCall("update", "metadata/{path}.ir-{incident}", "whose stage it is", hint=True),
    PolicyCall("list", "metadata/{folder}", "what others left", hint=True),
    PolicyCall("read", "metadata/{path}", "how many versions are kept; timers; whether it was changed", hint=True),
    PolicyCall("update", "metadata/{path}", "lifting a timer", hint=True),
    PolicyCall("update", "undelete/{path}", "lifting a timer", hint=True),
    PolicyCall("read", "config", "how many versions are kept; timers", hint=True),
    PolicyCall("update", "/sys/capabilities-self", "asking what we may do", hint=True),
    PolicyCall("read", "/sys/internal/ui/mounts", "why nothing was found", hint=True),
)


def needed(path: str, incident: str, *, beside: bool) -> dict[str, set[str]]:
    """API path → capabilities without which the secret (or, `beside` it, our custody) cannot be handled; only those that Vault tells."""
    found: dict[str, set[str]] = {}
    for call in CALLS:
        if call.proof == "asked" and (".ir-" in call.on) is beside:
            found.setdefault(call.on.format(path=path, incident=incident), set()).add(call.right)
    return found
