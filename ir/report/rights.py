"""The permissions of the replacement: the list that it was made with, what it lacked, what was added, and services that could not tell."""

from ir.core.model import Json, KeyKind
from ir.core.wording import counted
from ir.report.formatting import iso
from ir.report.source import Story, as_object, as_rows, words


def rights(story: Story) -> Json:
    """`{restricted, listed[], list_sha256, lacking[{name, told_by[]}], added[{…, by, at, how}], not_seen[], expires, said[]}`.

    `restricted`: the replacement has a list where the old key had none; `said`: sentences, [] where there is nothing to tell.
    """
    told, wanted = as_object(story.facts.get("rights")), as_object(story.plan.get("wanted"))
    row: Json = {
        "restricted": story.old.get("kind") == KeyKind.SECRET and story.new.get("kind") == KeyKind.RESTRICTED,
        "listed": [words(name) for name in as_rows(story.new.get("permissions"))],
        "list_sha256": words(wanted.get("sha256")),
        "lacking": [
            {"name": words(one["name"]), "told_by": _names(one.get("told_by"))} for one in map(as_object, as_rows(told.get("lacking")))
        ],
        "added": [_added(name, as_object(one)) for name, one in as_object(told.get("granted")).items()],
        "not_seen": _names(told.get("silent")),
        "expires": iso(story.new.get("expires") or None),
    }
    return {**row, "said": list(_said(row))}


def _added(name: str, one: Json) -> Json:
    row = {"name": words(name), "by": words(one.get("by")), "at": iso(one.get("at")), "how": words(one.get("how"))}
    return {**row, "told_by": _names(one.get("told_by"))}


def _names(value: object) -> list[str]:
    return [words(name) for name in as_rows(value)]


def _said(row: Json) -> list[str]:
    said = []
    if row["restricted"]:
        said.append("The old key was a secret key; the replacement is a restricted key, which may do only what its list says.")
    if row["list_sha256"]:
        said.append(f"{counted(len(row['listed']), 'permission')} derived from use (SHA-256 of the file: {row['list_sha256']}).")
    said += [f"It lacks {one['name'] or 'a right that is not named'}, told by {', '.join(one['told_by'])}." for one in row["lacking"]]
    said += [
        f"{one['name']} was added{' by ' * bool(one['by'])}{one['by']} ({one['how']}), told to be lacking by "
        f"{', '.join(one['told_by']) or 'a service'}."
        for one in row["added"]
    ]
    if row["expires"]:
        said.append(f"It dies by itself at {row['expires']}: rotate it before, or its services fail.")
    if row["not_seen"]:
        users = f"{', '.join(row['not_seen'])}, whose refused calls neither a check nor our log tells"
        said.append(f"Not seen: whether it lacks a right in use by {users}.")
    return said
