"""Every call that a run makes at Vercel. A token has no narrower right than its owner's role in the team."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("GET /v10/projects/{project}/env", "{path}", "every look, for its mark of the last change", "done", read=True),
    PolicyCall("PATCH /v9/projects/{project}/env/{id}", "{path}", "promote, undo"),
)
