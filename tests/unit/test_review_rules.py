"""The rule pack: every rule's own examples, its Sigma export, and rules of the user's own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ir.core.errors import BadFile
from ir.review.detect.rule_examples import run_example
from ir.review.detect.rules import Example, Rule, load_rules
from ir.review.detect.sigma import export

RULES = load_rules()
CASES = [pytest.param(rule, example, id=f"{rule.id} {example.name}") for rule in RULES for example in rule.examples]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_a_rule_finds_its_own_examples_and_no_others(rule: Rule, example: Example, tmp_path: Path) -> None:
    assert bool(run_example(rule, example, tmp_path)) is example.match


def test_the_pack_is_whole() -> None:
    assert {f"S-{n:02d}" for n in range(15)} | {"W-01", "W-02", "W-03"} <= {rule.id for rule in RULES}


def test_the_sigma_export_is_valid_sigma() -> None:
    from sigma.collection import SigmaCollection

    text, left_out = export(RULES)
    rules = SigmaCollection.from_yaml(text)
    assert not rules.errors
    assert {str(rule.title) for rule in rules} == {rule.title for rule in RULES if rule.sigma}
    assert len(rules.rules) >= 3
    assert "S-00" in left_out
    assert set(left_out) == {rule.id for rule in RULES if not rule.sigma}


def own_rule(**changed: Any) -> dict[str, Any]:
    """A user's rule: refunds above a limit."""
    return {
        "id": "X-LIMIT",
        "title": "A refund above our limit",
        "level": "high",
        "logsource": {"product": "stripe", "service": "events"},
        "question": "Did anyone refund more than we allow?",
        "usual": "Refunds stay under 1,000 dollars.",
        "next": "Ask finance.",
        "judges": "writes",
        "stage": "cashout",
        "why": "{hits} refunds",
        "sql": "SELECT 'limit' AS entity, ts, request_id AS evidence, currency, amount, 1 AS seen, 0 AS usual, '' AS level FROM acts WHERE act = '65:refund' AND amount > 100000 AND ts >= {judged}",
        "examples": [
            {"name": "much", "match": True, "events": [{"ts": 9, "type": "refund.created", "id": "evt_1", "request_id": "req_1", "amount": 200000, "currency": "usd"}]},
            {"name": "little", "match": False, "events": [{"ts": 9, "type": "refund.created", "id": "evt_1", "request_id": "req_1", "amount": 200, "currency": "usd"}]},
        ],
        **changed,
    }  # fmt: skip


def test_a_users_own_rule_runs_beside_the_pack(tmp_path: Path) -> None:
    (tmp_path / "limit.yaml").write_text(yaml.safe_dump(own_rule()))
    mine = next(rule for rule in load_rules([str(tmp_path)]) if rule.id == "X-LIMIT")
    assert [bool(run_example(mine, example, tmp_path)) for example in mine.examples] == [True, False]


def test_a_rule_reads_the_tables_that_it_keeps(tmp_path: Path) -> None:
    base = own_rule()
    kept = {"xlimit_all": "SELECT * FROM acts WHERE ts >= {since}", "xlimit_some": "SELECT * FROM xlimit_all WHERE ts < {until}"}
    (tmp_path / "limit.yaml").write_text(
        yaml.safe_dump({**base, "keeps": kept, "sql": base["sql"].replace("FROM acts", "FROM xlimit_some")})
    )
    mine = next(rule for rule in load_rules([str(tmp_path)]) if rule.id == "X-LIMIT")
    assert "xlimit_some" in mine.sql
    assert [bool(run_example(mine, example, tmp_path)) for example in mine.examples] == [True, False]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sql": "SELECT {nowhere}"}, "unknown parameter nowhere"),
        ({"sql": "SELECT 1; DROP TABLE events"}, "without a semicolon"),
        ({"keeps": {"acts": "SELECT 1 AS n"}}, "must be named xlimit_"),
        ({"keeps": {"xlimit_some": "SELECT {nowhere}"}}, "unknown parameter nowhere"),
        ({"examples": own_rule()["examples"][:1]}, "one example that matches and one that does not"),
        ({"level": "awful"}, "level"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_rule_is_explained(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    (tmp_path / "limit.yaml").write_text(yaml.safe_dump(own_rule(**changed)))
    with pytest.raises(BadFile, match=said):
        load_rules([str(tmp_path)])
