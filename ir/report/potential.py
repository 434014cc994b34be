"""The data that strangers could have reached with the key, beside what was seen (GDPR article 33, 3a): permissions → categories of data."""

from dataclasses import dataclass

from ir.core.model import Json
from ir.report.before_after import keys
from ir.report.source import Story, as_object

SOURCE = "https://docs.stripe.com/api"
"""The description of the objects and their fields."""


@dataclass(frozen=True)
class Category:
    """A kind of data about people. Any of `permissions` opens it: for reading, or for writing, which implies reading."""

    name: str
    data: str
    permissions: tuple[str, ...]


CATEGORIES = (
    Category("customers", "name, e-mail, phone, postal address, notes", ("customer", "customer_session", "customer_portal")),
    Category(
        "payments",
        "billing name, e-mail and address, amount, the last four digits and the brand of a card",
        ("charge", "payment_intent", "setup_intent", "checkout_session", "payment_records", "order"),
    ),
    Category(
        "payment methods",
        "billing details, last four digits, expiry, bank and mandate references",
        ("payment_method", "source", "mandate", "token"),
    ),
    Category("purchases", "what was bought and when: invoices, subscriptions, quotes", ("invoice", "subscription", "quote", "credit_note")),
    Category("disputes", "correspondence and evidence about single people", ("dispute",)),
    Category("files", "files that were uploaded, such as evidence and documents of identity", ("file", "identity_product")),
    Category(
        "card holders", "name, birth date, address of people with cards that you issue", ("issuing_cardholder", "issuing_card", "issuing")
    ),
    Category("connected accounts", "businesses and the people behind them, their bank accounts", ("connected_account",)),
    Category("pay-outs", "last four digits and name of bank accounts", ("payout", "transfer", "outbound_payment", "financial_account")),
)


def potential(story: Story) -> Json:
    """`{known, permissions, categories[{name, data, reachable, at_most, seen}], said, source, entry}`.

    `reachable` None: the permissions were not read. `at_most`: the upper bound of records, in words; the account is not counted.
    """
    old = keys(story)[0]
    named = [str(name) for name in old["permissions"]]
    known = bool(old["permissions_read"]) and bool(named)
    rows = [_row(story, category, named, known=known) for category in CATEGORIES]
    looked = story.settled_run("preflight")
    entry = story.entry_of(looked) if looked is not None else None
    return {"known": known, "permissions": named, "categories": rows, "said": _said(rows, known=known), "source": SOURCE, "entry": entry}


def _row(story: Story, category: Category, named: list[str], *, known: bool) -> Json:
    opens = named == ["all"] or any(name.rpartition("_")[0] in category.permissions for name in named)
    reachable = opens if known else None
    at_most = "none" if reachable is False else f"all {category.name} of the account; how many was not counted"
    return {"name": category.name, "data": category.data, "reachable": reachable, "at_most": at_most, "seen": _seen(story, category.name)}


def _seen(story: Story, name: str) -> str:
    """What the review saw of that kind, in words. The review sees reads in logs alone."""
    radius = as_object(story.reviews().get("blast_radius"))
    if not radius:
        return "not looked at"
    if name == "customers":
        read, written = radius.get("customers_read_at_most"), radius.get("customers_written")
        return f"written: {written}; read: {'cannot tell' if read is None else f'at most {read}'}"
    objects = {kind: sum(map(int, counts.values())) for kind, counts in as_object(radius.get("objects")).items()}
    mine = {kind: count for kind, count in objects.items() if any(kind.startswith(one) for one in _permissions(name))}
    return (
        "; ".join(f"{kind}: {count} changed" for kind, count in mine.items()) or "no change seen within coverage; reads cannot be seen here"
    )


def _permissions(name: str) -> tuple[str, ...]:
    return next(category.permissions for category in CATEGORIES if category.name == name)


def _said(rows: list[Json], *, known: bool) -> str:
    if not known:
        return "the permissions of the key were not read, so everything in the account has to be taken as within reach"
    reach = [row["name"] for row in rows if row["reachable"]]
    return f"within reach: {', '.join(reach)}" if reach else "no category of personal data is within reach of these permissions"
