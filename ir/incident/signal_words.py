"""Words for the signals that people and watches send: the recorded kinds are the engine's words."""

_DID = {
    "approve": "approved",
    "approved": "approvals counted",
    "wake": "went on",
    "contain": "contained the key",
    "rollback": "asked for a rollback",
    "abort": "asked to stop",
    "close": "ended it by attesting",
    "classify": "classified it",
    "misuse": "reported misuse",
    "unreadable": "sent what cannot be read, and is not obeyed",
    "ladder": "said what it is",
    "under": "named the laws that count",
    "told": "recorded a notification",
    "not-told": "recorded that they are not told",
    "stamped": "had the record time-stamped",
    "purged": "removed evidence files",
    "copied": "wrote the bundle to a folder",
    "kept": "kept something by name",
    "closed": "ended what was found later",
}


def did(kind: str, step: str = "") -> str:
    """The act of sending it: `approved retire`, `went on`."""
    return f"{_DID.get(kind, kind)} {step}".strip() if kind == "approve" else _DID.get(kind, kind)
