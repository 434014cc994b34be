"""What lay at a breached place: matched by reference or fingerprint, in order of danger, names of strangers made harmless."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ir import alerts, inventory
from ir.alerts import StoredKey
from ir.core import place as places
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference, parse
from ir.fleet.breach import book, progress, vendors
from ir.fleet.breach.item import BreachItem, DangerRank, clean
from ir.fleet.breach.logins import writes_with_login
from ir.fleet.breach.matching import Look, Matched, ReadValues, matched
from ir.fleet.breach.reported import items_of
from ir.fleet.breach.spelling import within
from ir.inventory import Inventory
from ir.ports import Listed, Listing
from ir.report import page
from tests.unit import alert_samples
from tests.worlds.stores import key as new_key

BASE = Path("/srv/shop")
SHOP = Place("vercel", "shop")


def key(name: str, *stored_in: str, account: str = "live", kind: str = "restricted", **more: object) -> Json:
    return {"name": name, "account": account, "kind": kind, "permissions": ["charge_read"], "stored_in": list(stored_in), **more}


def source(keys: Sequence[Json], webhooks: Sequence[Json] = (), **more: object) -> Inventory:
    accounts = [{"name": mode, "id": f"acct_{mode}", "mode": mode} for mode in ("live", "test")]
    rows: Json = {"version": 1, "accounts": accounts, "keys": list(keys), "webhooks": list(webhooks), **more}
    return inventory.loads(yaml.safe_dump(rows), "inventory.yaml")


def hook(name: str, stored_in: str, account: str = "live", **more: object) -> Json:
    return {"name": name, "account": account, "url": f"https://shop.example/{name}", "stored_in": [stored_in], **more}


def row(ref: str, **more: object) -> Listed:
    found = parse(ref)
    return Listed(found.path.rpartition("/")[2], found, **more)  # type: ignore[arg-type]  # fields by name


def look(place: Place, *rows: Listed, unseen: tuple[str, ...] = ()) -> Look:
    return Look(place, Listing(rows, unseen))


def found(listed: Inventory, *looks: Look, **more: object) -> Matched:
    return matched(listed, BASE, looks, **more)  # type: ignore[arg-type]  # read and held, by name


def named(result: Matched, *dangers: DangerRank) -> list[str]:
    return [item.name for item in result.items if not dangers or item.danger in dangers]


# ── order ──


def test_what_is_worse_comes_first() -> None:
    at = "vercel://shop/{}".format
    keys = [
        key("test", at("A"), account="test", kind="secret"),
        key("reads", at("B")),
        key("connects", at("C"), connect_permissions=["charge_read"]),
        key("unlisted", at("D"), permissions=[]),
        key("pays-out", at("E"), permissions=["payout_write"]),
        key("secret", at("F"), kind="secret"),
    ]
    webhooks = [hook("events", at("G")), hook("connected", at("H"), connect=True), hook("test-events", at("I"), account="test")]
    rows = [row(at(letter)) for letter in "ABCDEFGHI"] + [row(at(name)) for name in ("STRIPE_OLD", "DATABASE_URL", "THING", "NODE_ENV")]
    result = found(source(keys, webhooks), look(SHOP, *rows))
    assert named(result) == [
        "vercel-login",
        "secret",
        "pays-out",
        "unlisted",
        "connects",
        "STRIPE_OLD",
        "reads",
        "connected",
        "events",
        "test",
        "test-events",
        "DATABASE_URL",
        "THING",
        "NODE_ENV",
    ]
    assert [item.danger for item in result.items] == sorted(item.danger for item in result.items)


def test_what_ir_works_with_comes_right_after_its_login() -> None:
    listed = source([key("a", "vercel://shop/A", kind="secret")])
    rows = listed.model_dump(mode="json", exclude_defaults=True)
    rows["keys"][0]["stored_in"] = ["vercel://shop/A"]
    rows["accounts"][0] |= {"review_key": "k8s://prod/ops/ir#review"}
    listed = inventory.loads(yaml.safe_dump(rows), "inventory.yaml")
    result = found(listed, look(SHOP, row("vercel://shop/A")), look(Place("k8s", "prod"), row("k8s://prod/ops/ir#review")))
    assert named(result, DangerRank.LOGIN, DangerRank.OUR_OWN) == ["k8s-login", "vercel-login", "review_key of live"]
    assert result.items[3].name == "a"


def test_the_key_that_signs_the_record_is_one_that_ir_works_with() -> None:
    listed = source([key("a", "vercel://shop/A")], evidence_key="vault://secret/ir#sign")
    result = found(listed, look(SHOP, row("vercel://shop/A")), look(Place("vault", "secret"), row("vault://secret/ir#sign")))
    assert named(result, DangerRank.OUR_OWN) == ["evidence_key"]


def test_a_token_by_reference_is_named_by_it_and_not_read() -> None:
    listed = source([key("a", "vercel://shop/A")], hosts=[{"name": "vercel", "token": "vault://secret/ir#vercel"}])
    first = found(listed, look(SHOP, row("vercel://shop/A"))).items[0]
    assert first.danger is DangerRank.LOGIN and first.places == ("vault://secret/ir#vercel",) and "revoke the old one" in first.todo


def test_only_places_that_the_login_writes_need_a_word() -> None:
    listed = source([key("a", "vercel://shop/A", "dotenv://./a.env#A"), key("b", "env://B"), key("c", "manual://vercel/C")])
    keys = [listed.key(name) for name in "abc"]
    assert writes_with_login(keys, [SHOP]) == [parse("vercel://shop/A")]
    assert writes_with_login(keys, [Place("manual", "", "vercel")]) == []


# ── matching ──


def test_a_key_is_ours_wherever_its_reference_lies_below_the_place() -> None:
    listed = source([key("a", "vercel://shop/A", "vault://secret/a#k"), key("b", "vercel://blog/B"), key("c", "vercel://shop2/C")])
    assert named(found(listed, look(SHOP, row("vercel://shop/A"))))[1:] == ["a"]
    assert set(
        named(found(listed, look(Place("vercel"), row("vercel://shop/A"), row("vercel://blog/B"), row("vercel://shop2/C"))))[1:]
    ) == set("abc")
    item = found(listed, look(SHOP, row("vercel://shop/A"))).items[1]
    assert item.places == ("vercel://shop/A",) and item.told_by == "reference" and item.servers == ("vercel://shop",)


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ("vercel://shop/A#production", "vercel://shop/A"),
        ("github-actions://Acme/Shop/KEY", "github-actions://acme/shop/KEY"),
        ("aws-ssm://eu-west-1//prod/stripe", "aws-ssm://eu-west-1/prod/stripe"),
        ("vault://secret/payments#api_key", "vault://secret/payments#x"),
        ("dotenv://./app/.env#KEY", "dotenv:///srv/shop/app/.env#KEY"),
    ],
)
def test_one_place_in_two_spellings_is_one_thing(listed: str, shown: str) -> None:
    place = parse(shown)
    seen = Listed("x", Reference(place.scheme, place.host, place.path, "" if place.scheme == "vault" else place.field))
    result = found(source([key("a", listed)]), look(Place(place.scheme, parse(listed).host), seen))
    assert [(item.name, item.remarks) for item in result.items if item.danger is not DangerRank.LOGIN] == [("a", ())]


def test_a_place_of_one_target_holds_that_alone() -> None:
    assert within(parse("vercel://shop/A"), places.parse("vercel://shop/A#production"), BASE)
    assert not within(parse("vercel://shop/A#preview"), places.parse("vercel://shop/A#production"), BASE)
    assert within(parse("vercel://shop/A#preview"), places.parse("vercel://shop/A"), BASE)
    assert within(parse("dotenv://./a.env#A"), places.parse("dotenv:///srv/shop"), BASE)
    assert not within(parse("dotenv:///srv/shopping/a.env#A"), places.parse("dotenv:///srv/shop"), BASE)


def test_a_variable_for_several_targets_is_matched_by_any() -> None:
    seen = Listed("A", Reference("vercel", "shop", "A"), (Reference("vercel", "shop", "A", "preview"),))
    result = found(source([key("a", "vercel://shop/A#preview")]), look(SHOP, seen))
    assert named(result) == ["vercel-login", "a"]


def test_what_the_host_does_not_show_still_counts_and_that_is_said_only_after_a_whole_look() -> None:
    listed = source([key("a", "vercel://shop/A")])
    assert found(listed, look(SHOP)).items[1].remarks == ("the host does not show vercel://shop/A, which the inventory names",)
    assert found(listed, look(SHOP, unseen=("3 variables, hidden",))).items[1].remarks == ()
    assert found(listed, Look(SHOP, why_not="Vercel does not take the login")).items[1].remarks == ()


def test_a_value_tells_a_key_of_ours_at_a_place_that_is_not_listed() -> None:
    value, stranger = new_key(), new_key()
    listed = source([key("a", "vault://secret/a#k", kind="secret"), key("b", "k8s://prod/x/b#k")])
    seen = look(
        Place("k8s", "prod"),
        row("k8s://prod/x/b#k", readable=True),
        row("k8s://prod/x/copy#k", readable=True),
        row("k8s://prod/x/other#k", readable=True),
    )
    assert [str(one.ref) for one in found(listed, seen).unread] == ["k8s://prod/x/copy#k", "k8s://prod/x/other#k"], (
        "listed ones are not read here"
    )
    found_keys = (FoundKey(parse("k8s://prod/x/copy#k"), value), FoundKey(parse("k8s://prod/x/other#k"), stranger))
    result = found(listed, seen, read=ReadValues(found_keys), held={value: "a"})
    first = next(item for item in result.items if item.key == "a")
    assert first.told_by == "fingerprint" and "which the inventory does not list" in first.remarks[0]
    unknown = next(item for item in result.items if not item.key and item.vendor == "Stripe")
    assert stranger.fingerprint in unknown.remarks[0] and stranger.reveal() not in repr(result)


def test_a_key_in_several_breached_places_is_one_item() -> None:
    listed = source([key("a", "vercel://shop/A", "vercel://blog/A")])
    item = found(listed, look(Place("vercel"), row("vercel://shop/A"), row("vercel://blog/A"))).items[1]
    assert item.places == ("vercel://shop/A", "vercel://blog/A") and item.servers == ("vercel://blog", "vercel://shop")


def test_a_name_in_several_places_is_one_line_of_the_checklist() -> None:
    result = found(
        source([key("a", "env://A")]), look(Place("vercel"), row("vercel://shop/DATABASE_URL"), row("vercel://blog/DATABASE_URL"))
    )
    assert [(item.name, len(item.places)) for item in result.items if item.danger is DangerRank.OTHER_VENDOR] == [("DATABASE_URL", 2)]


# ── names ──


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("GITHUB_TOKEN", "GitHub"),
        ("AWS_SECRET_ACCESS_KEY", "AWS"),
        ("DATABASE_URL", "a database"),
        ("POSTGRES_PASSWORD", "a database"),
        ("slackWebhookUrl", "Slack"),
        ("openai-api-key", "OpenAI"),
        ("MY_GITHUBBER_THING", ""),
        ("LAWSUIT", ""),
        ("", ""),
    ],
)
def test_whose_it_is_is_told_by_whole_words(name: str, vendor: str) -> None:
    row_ = vendors.vendor_of(name)
    assert (row_.name if row_ else "") == vendor


def test_every_link_is_https_and_every_row_says_what_to_do() -> None:
    assert all(row_.todo and (not row_.link or row_.link.startswith("https://")) for row_ in vendors.VENDORS)


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "stripeKey", "WHSEC", "NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY"])
def test_stripes_names_are_known(name: str) -> None:
    assert vendors.stripes(name) and vendors.harmless(name) is name.startswith("NEXT")


HOSTILE = "\x1b[2J\u202e<script>alert(1)</script>|[x](javascript:1)`\n# head" + "A" * 5000


def test_a_hostile_name_is_one_short_printable_line() -> None:
    shown = clean(HOSTILE)
    assert len(shown) <= 120 and shown.isprintable() and "\u202e" not in shown
    assert clean("") == "(no name)" and clean("\x00\x07") == "(no name)"
    assert new_key().reveal() not in clean(f"X_{new_key().reveal()}")


@pytest.mark.parametrize("fmt", ["html", "md", "json"])
def test_a_hostile_name_is_text_in_every_report(fmt: str) -> None:
    listed = source([key("a", "vercel://shop/A")])
    result = found(listed, look(SHOP, row("vercel://shop/A"), Listed(HOSTILE, Reference("vercel", "shop", HOSTILE))))
    about = book.told([look(SHOP)], result.items, closed_by="", login_by="")[book.ABOUT]
    text = page("breach", progress.document({}, about), fmt)
    assert ("built-in" not in text and "0 of 1" in text) or fmt == "json"
    assert "\x1b" not in text and "\u202e" not in text and "A" * 500 not in text
    assert "<script>" not in text.replace("\\<script>", "") or fmt == "json"
    assert fmt != "md" or ("[x](javascript" not in text and "\n# head" not in text)


def test_a_key_as_a_name_is_not_repeated() -> None:
    value = new_key().reveal()
    result = found(source([key("a", "env://A")]), look(SHOP, Listed(value, Reference("vercel", "shop", value))))
    assert value not in repr(result.items)


# ── a scanner's report ──


def test_a_scanners_report_is_matched_by_value() -> None:
    mine, other = new_key(), new_key()
    listed = source([key("a", "vault://secret/a#k", kind="secret")])
    text = alert_samples.lines(alert_samples.trufflehog(mine.reveal()), alert_samples.trufflehog(other.reveal(), file="x"))
    leaks = alerts.leaks(alerts.loads(text, "report.json"), [StoredKey(mine, ("a",))])
    items = items_of(listed, leaks, "report.json")
    assert [(item.key, item.told_by, item.servers) for item in items] == [("a", "alert", ("report.json",)), ("", "alert", ("report.json",))]
    assert items[1].vendor == "Stripe" and mine.reveal() not in repr(items) and other.reveal() not in repr(items)


def test_a_list_does_not_hide_that_there_are_more_places() -> None:
    mine = new_key()
    listed = source([key("a", "vault://secret/a#k", kind="secret")])
    rows = [alert_samples.trufflehog(mine.reveal(), line=number) for number in range(1, 24)]
    leaks = alerts.leaks(alerts.loads(alert_samples.lines(*rows), "report.json"), [StoredKey(mine, ("a",))])
    (item,) = items_of(listed, leaks, "report.json")
    assert len(item.places) == 20 and "the report names 3 more places" in item.remarks
    leaks = alerts.leaks(alerts.loads(alert_samples.lines(alert_samples.kingfisher(mine.reveal())), "k"), [StoredKey(mine, ("a",))])
    assert "its scanner names one place of each secret: there may be more" in items_of(listed, leaks, "k")[0].remarks


# ── how it stands ──


@pytest.mark.parametrize("fmt", ["html", "md"])
def test_a_page_is_not_done_while_other_secrets_are_left(fmt: str) -> None:
    """Its title said *done* in green, with the login that strangers hold still to do."""
    items = [
        BreachItem("a", DangerRank.LIVE_SECRET, "a", ("vercel://shop/A",), ("vercel://shop",)),
        BreachItem("DATABASE_URL", DangerRank.OTHER_VENDOR, "", ("vercel://shop/D",), ("vercel://shop",)),
    ]
    about = book.told([look(SHOP)], items, closed_by="Ana", login_by="")[book.ABOUT]
    campaign = {"status": "done", "keys": [{"key": "a", "state": "done", "incident": "INC-1", "said": ""}]}
    text = page("breach", progress.document(campaign, about), fmt)
    assert "1 other secret still to do" in text
    assert fmt == "md" or 'data-label="Other secrets done"' in text, "a narrow screen keeps the heads of the columns"
    about = {**about, "done": {"DATABASE_URL": {"by": "Ben"}}}
    assert "still to do" not in page("breach", progress.document(campaign, about), fmt)


def test_sums_of_each_place() -> None:
    items = [
        BreachItem("a", DangerRank.LIVE_SECRET, "a", ("vercel://shop/A",), ("vercel://shop",)),
        BreachItem("b", DangerRank.TEST, "b", ("vercel://blog/B",), ("vercel://blog",)),
        BreachItem("DATABASE_URL", DangerRank.OTHER_VENDOR, "", ("vercel://shop/D",), ("vercel://shop",)),
        BreachItem("NODE_ENV", DangerRank.HARMLESS, "", ("vercel://shop/N",), ("vercel://shop",)),
    ]
    about = book.told([look(SHOP)], items, closed_by="Ana", login_by="")[book.ABOUT]
    child = {"incident": "INC-1", "said": ""}
    campaign = {"keys": [{"key": "a", "state": "done", **child}, {"key": "b", "state": "waiting", **child}]}
    told = progress.document(campaign, about)
    assert [
        (row_["place"], row_["keys"], row_["replaced"], row_["waiting"], row_["others"], row_["closed_by"]) for row_ in told["places"]
    ] == [
        ("vercel://blog", 1, 0, 1, 0, "Ana"),
        ("vercel://shop", 1, 1, 0, 1, "Ana"),
    ]
    assert not progress.finished(told)
    assert [item.to_json() == BreachItem.from_json(item.to_json()).to_json() for item in items] == [True] * 4
    about = {**about, "done": {"DATABASE_URL": {"by": "Ben"}}}
    told = progress.document(campaign, about)
    assert told["places"][1]["others_done"] == 1 and told["items"][2]["state"] == "done, says Ben"
