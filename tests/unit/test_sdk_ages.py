"""How old SDKs and API versions are, as traffic shows them."""

from pathlib import Path

import pytest

from ir.review.judge import sdk_ages
from ir.review.present.screen_summary import sdk_lines
from tests.unit.evidence_world import Account, Row

OLD = "Stripe/v1 PythonBindings/7.0.0"


def with_agents(folder: Path) -> Account:
    """Our own log of two services, one of which is old, and a request log."""
    world = Account(folder).with_events().with_requests()
    billing = {"service": "billing", "user_agent": OLD}
    shop = {"service": "shop", "user_agent": "Stripe/v1 NodeBindings/22.5.0", "stripe_version": "2026-07-29.dahlia"}
    rows: list[Row] = [world.own(n, ts) | (billing if n % 2 else shop) for n, ts in world.calls]
    world.egress.append(world.write("egress.jsonl", rows))
    return world


def test_each_service_has_its_sdk_and_what_the_age_breaks(tmp_path: Path) -> None:
    found = with_agents(tmp_path).reviewed()
    rows = {row["service"]: row for row in found.sdks if row["service"]}
    assert rows["billing"]["version"] == "7.0.0" and rows["billing"]["released"] == "2023-10-16" and rows["billing"]["days"] > 1100
    assert rows["billing"]["api_version"] == "2023-10-16" and "7 API releases with breaking changes" in rows["billing"]["breaks"]
    assert rows["shop"]["api_version"] == "2026-07-29.dahlia" and rows["shop"]["requests"] == 240
    (old,) = [f for f in found.findings if f.rule == "V-01" and f.severity == "low"]
    assert "billing: stripe-python 7.0.0 (2023-10-16)" in old.why and old.evidence
    assert [row["client"] for row in found.sdks if row["key"] == "mk_shop"] == ["stripe-node"], "Stripe's log tells it by key"
    assert any("billing  stripe-python 7.0.0" in line for line in sdk_lines(found))


def test_ages_are_no_evidence_of_misuse(tmp_path: Path) -> None:
    found = with_agents(tmp_path).reviewed()
    assert found.score == 0 and "suspected" not in found.verdicts.values()


@pytest.mark.parametrize(
    ("sdk", "version", "day", "api"),
    [
        ("node", "12.0.1", "2023-04-06", "2022-11-15"),
        ("node", "11.18.0", "2023-04-06", ""),
        ("python", "15.3.1", "2026-06-24", "2026-06-24.dahlia"),
        ("go", "86.2.0", "2026-07-29", "2026-07-29.dahlia"),
        ("dotnet", "44.0.0", "2024-04-10", "2024-04-10"),
        ("java", "28.3.0", "2024-10-28", "2024-10-28.acacia"),
        ("php", "13.0.0", "2023-10-16", "2023-10-16"),
        ("ruby", "19.5.1", "2026-08-10", "2026-07-29.dahlia"),
        ("python", "99.0.0", "2026-10-28", "2026-10-28.endive"),
    ],
)
def test_a_version_is_of_the_release_before_it(sdk: str, version: str, day: str, api: str) -> None:
    release = sdk_ages.of(sdk, version)
    assert release is not None and (release.day, release.api) == (day, api)


def test_what_is_not_known_is_said() -> None:
    assert sdk_ages.of("python", "1.0.0") is None and sdk_ages.of("cobol", "1.0") is None and sdk_ages.of("node", "x") is None


def test_the_data_is_in_order_and_knows_every_sdk() -> None:
    known = sdk_ages.releases()
    assert set(known) == {"python", "node", "ruby", "php", "java", "go", "dotnet"}
    for sdk, rows in known.items():
        versions = [one.version for one in rows]
        assert versions == sorted(versions), sdk
        assert all(one.api[:10] <= "2026-11-30" for one in rows), sdk
