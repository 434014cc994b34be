"""`ir inventory unused`: keys that live at Stripe and that nothing uses are listed, and none is touched."""

import json

from tests.campaign.shop import Shop

DAY = 86400.0
UNUSED = ["inventory", "unused", "inventory.yaml", "--yes"]


def test_what_was_never_used_or_not_for_long_is_listed_oldest_use_first_and_lives_on(company: Shop) -> None:
    company.add("a", services=0)
    company.write()
    twin = company.twin
    never, fresh, dead = (twin.create_restricted_key(("charge_read",), name) for name in ("never", "fresh", "dead"))
    for key in (never, dead):
        key.created -= 200 * DAY
    twin.expire_in_dashboard(dead)
    code, said = company.ir(*UNUSED, "--json")
    assert code == 0, said
    told = json.loads(said)
    assert [(row["name"], row["last_used"], row["listed_as"]) for row in told["keys"]] == [("never", 0.0, "")]
    assert fresh.id not in said and never.token.reveal() not in said and not told["unread"]
    code, said = company.ir(*UNUSED)
    assert code == 0 and "never" in said and "1 key; nothing was changed" in said, said
    assert twin.is_alive(never)


def test_a_duration_that_is_none_is_refused(company: Shop) -> None:
    company.add("a", services=0)
    company.write()
    assert company.ir(*UNUSED, "--not-used-for", "soon")[0] == 2


def test_an_account_whose_keys_nothing_may_list_is_named(company: Shop) -> None:
    company.add("a", services=0)
    company.write()
    text = (company.folder / "inventory.yaml").read_text(encoding="utf-8")
    lines = [line.replace("issuer: managed", "issuer: dashboard") for line in text.splitlines() if "app_key" not in line]
    (company.folder / "inventory.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, said = company.ir(*UNUSED)
    assert code == 0 and "lists no `app_key`" in said and "Last used" in said, said
