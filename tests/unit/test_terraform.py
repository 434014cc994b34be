"""What a Terraform state and its configuration tell: which places it writes, and whether it puts its value back."""

import json
from pathlib import Path
from typing import Any

import pytest

from ir.clients import terraform_config
from ir.clients.hcl_words import words
from ir.clients.terraform import TerraformState
from ir.core.errors import Missing, Rejected
from ir.core.ownership import Owner
from ir.core.reference import parse
from tests.worlds.stores import key

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/payments-AbC123"
SSM = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/stripe"


def _state(folder: Path, kind: str, attributes: dict[str, Any], **more: Any) -> Path:
    row = {"mode": "managed", "type": kind, "name": "stripe", "provider": "p", "instances": [{"attributes": attributes}], **more}
    file = folder / "prod.tfstate"
    body = {"version": 4, "terraform_version": "1.9.0", "serial": 7, "lineage": "x", "outputs": {}, "resources": [row]}
    file.write_text(json.dumps(body))
    return file


def _owners(folder: Path, state: Path, ref: str) -> tuple[Owner, ...]:
    return TerraformState(state).owners(parse(ref), folder)


PLACES = [
    ("aws_secretsmanager_secret_version", {"secret_id": ARN, "secret_string": "x"}, "aws-sm://eu-west-1/prod/payments#api_key"),
    ("aws_secretsmanager_secret_version", {"secret_id": ARN, "secret_string": "x"}, f"aws-sm://eu-west-1/{ARN}"),
    ("aws_ssm_parameter", {"name": "/prod/stripe", "arn": SSM, "value": "x"}, "aws-ssm://eu-west-1/prod/stripe"),
    (
        "azurerm_key_vault_secret",
        {"name": "stripe", "value": "x", "key_vault_id": "/subscriptions/1/resourceGroups/a/providers/Microsoft.KeyVault/vaults/shop"},
        "azure-kv://shop/stripe",
    ),
    ("google_secret_manager_secret_version", {"secret": "projects/shop/secrets/stripe", "secret_data": "x"}, "gcp-sm://shop/stripe"),
    ("vault_kv_secret_v2", {"mount": "secret", "name": "payments", "data_json": "x"}, "vault://secret/payments#api_key"),
    ("vault_generic_secret", {"path": "secret/payments", "data_json": "x"}, "vault://secret/payments#api_key"),
    ("kubernetes_secret_v1", {"metadata": [{"namespace": "pay", "name": "stripe"}], "data": {"k": "x"}}, "k8s://prod/pay/stripe#k"),
    ("github_actions_secret", {"repository": "shop", "secret_name": "STRIPE", "plaintext_value": "x"}, "github-actions://acme/shop/STRIPE"),
    ("vercel_project_environment_variable", {"project_id": "shop", "key": "K", "target": ["production"]}, "vercel://shop/K"),
    ("local_sensitive_file", {"filename": "./.env", "content": "x"}, "dotenv://./.env#STRIPE_KEY"),
]


@pytest.mark.parametrize(("kind", "attributes", "ref"), PLACES)
def test_a_resource_owns_its_place_and_no_other(tmp_path: Path, kind: str, attributes: dict[str, Any], ref: str) -> None:
    state = _state(tmp_path, kind, attributes)
    (owner,) = _owners(tmp_path, state, ref)
    assert owner.name == f"Terraform {kind}.stripe (prod.tfstate)" and owner.reverts and "ignore_changes" in owner.todo
    path, mark, field = ref.partition("#")
    assert _owners(tmp_path, state, f"{path}x{mark}{field}") == ()


@pytest.mark.parametrize(
    ("kind", "attributes", "ref"),
    [
        ("aws_secretsmanager_secret_version", {"secret_id": ARN, "secret_string": "x"}, "aws-sm://us-east-1/prod/payments"),
        (
            "kubernetes_secret_v1_data",
            {"metadata": [{"namespace": "pay", "name": "stripe"}], "data": {"k": "x"}},
            "k8s://prod/pay/stripe#l",
        ),
        ("vercel_project_environment_variable", {"project_id": "other", "key": "K", "target": ["production"]}, "vercel://shop/K"),
        ("vercel_project_environment_variable", {"project_id": "shop", "key": "K", "target": ["preview"]}, "vercel://shop/K"),
        ("aws_secretsmanager_secret", {"name": "prod/payments", "arn": ARN}, "aws-sm://eu-west-1/prod/payments"),
    ],
)
def test_another_region_field_project_or_target_and_a_shell_without_a_value_own_nothing(
    tmp_path: Path, kind: str, attributes: dict[str, Any], ref: str
) -> None:
    assert _owners(tmp_path, _state(tmp_path, kind, attributes), ref) == ()


def test_a_data_source_owns_nothing(tmp_path: Path) -> None:
    state = _state(tmp_path, "aws_secretsmanager_secret_version", {"secret_id": ARN, "secret_string": "x"}, mode="data")
    assert _owners(tmp_path, state, "aws-sm://eu-west-1/prod/payments") == ()


def test_the_id_of_a_project_is_understood_by_the_state_itself(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"type": "vercel_project", "name": "p", "instances": [{"attributes": {"id": "prj_1", "name": "shop"}}]},
        {
            "type": "vercel_project_environment_variable",
            "name": "v",
            "instances": [{"attributes": {"project_id": "prj_1", "key": "K", "target": ["production"], "value": "x"}}],
        },
    ]
    file = tmp_path / "a.tfstate"
    file.write_text(json.dumps({"version": 4, "resources": [{"mode": "managed", **row} for row in rows]}))
    assert _owners(tmp_path, file, "vercel://shop/K") and not _owners(tmp_path, file, "vercel://other/K")


def test_a_write_only_argument_is_not_sent_again(tmp_path: Path) -> None:
    attributes = {"secret_id": ARN, "secret_string": "", "secret_string_wo": None, "secret_string_wo_version": 1}
    (owner,) = _owners(tmp_path, _state(tmp_path, "aws_secretsmanager_secret_version", attributes), "aws-sm://eu-west-1/prod/payments")
    assert not owner.reverts and "write-only" in owner.why_not


@pytest.mark.parametrize(
    ("config", "why_not"),
    [
        ("lifecycle { ignore_changes = [secret_string, version_stages] }", "its `ignore_changes` has `secret_string`"),
        ("lifecycle {\n  create_before_destroy = true\n  ignore_changes = all\n}", "its `ignore_changes` is `all`"),
        ('lifecycle { ignore_changes = ["secret_string"] }', "its `ignore_changes` has `secret_string`"),
        ("lifecycle { ignore_changes = [tags] }", ""),
        ('lifecycle { ignore_changes = [secret_string["a"]] }', ""),
        ("# lifecycle { ignore_changes = [secret_string] }", ""),
        ("/* lifecycle { ignore_changes = all } */", ""),
        ('note = "lifecycle { ignore_changes = all }"', ""),
        ('note = "${jsonencode({ a = "}" })} lifecycle {"\n lifecycle { ignore_changes = all }', "its `ignore_changes` is `all`"),
        ("note = <<-EOT\n lifecycle { ignore_changes = all }\n  EOT\n", ""),
        ("dynamic { lifecycle { ignore_changes = all } }", ""),
    ],
)
def test_ignore_changes_counts_where_the_configuration_shows_it(tmp_path: Path, config: str, why_not: str) -> None:
    text = 'variable "x" {}\nresource "aws_secretsmanager_secret_version" "stripe" {\n  secret_id = "x"\n  %s\n}\nresource "a" "b" {}\n'
    (tmp_path / "main.tf").write_text(text % config)
    state = _state(tmp_path, "aws_secretsmanager_secret_version", {"secret_id": ARN, "secret_string": "x"})
    (owner,) = _owners(tmp_path, state, "aws-sm://eu-west-1/prod/payments")
    assert owner.why_not == why_not


def test_of_two_resources_of_one_name_both_have_to_ignore_it(tmp_path: Path) -> None:
    block = 'resource "t" "n" { lifecycle { ignore_changes = [%s] } }\n'
    (tmp_path / "a").mkdir()
    (tmp_path / "main.tf").write_text(block % "value, tags")
    (tmp_path / "a" / "main.tf").write_text(block % "tags")
    assert terraform_config.ignored(tmp_path)("t", "n") == frozenset({"tags"})
    (tmp_path / "a" / "main.tf").write_text(block % "value")
    assert terraform_config.ignored(tmp_path)("t", "n") == frozenset({"value"})
    assert terraform_config.ignored(tmp_path)("t", "other") == frozenset()


def test_configuration_as_json_and_fetched_modules(tmp_path: Path) -> None:
    body = {"resource": {"t": {"n": {"lifecycle": {"ignore_changes": ["value"]}}, "m": [{"lifecycle": [{"ignore_changes": "all"}]}]}}}
    (tmp_path / "main.tf.json").write_text(json.dumps(body))
    hidden = tmp_path / ".terraform" / "modules"
    hidden.mkdir(parents=True)
    (hidden / "main.tf").write_text('resource "t" "far" { lifecycle { ignore_changes = all } }')
    look = terraform_config.ignored(tmp_path)
    assert look("t", "n") == frozenset({"value"}) and look("t", "m") is None and look("t", "far") == frozenset()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 3, "resources": []}', '{"version": 4}', "[" * 100_000])
def test_what_is_no_state_is_rejected_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.tfstate").write_text(text)
    with pytest.raises(Rejected, match="not a state of format 4"):
        TerraformState(tmp_path / "x.tfstate")


def test_a_state_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="cannot be read"):
        TerraformState(tmp_path / "none.tfstate")


@pytest.mark.parametrize("rows", [[1], [{}], [{"mode": "managed", "type": "aws_ssm_parameter", "instances": [3, {"attributes": 4}]}]])
def test_a_state_of_odd_rows_tells_nothing(tmp_path: Path, rows: list[Any]) -> None:
    (tmp_path / "x.tfstate").write_text(json.dumps({"version": 4, "resources": rows}))
    assert _owners(tmp_path, tmp_path / "x.tfstate", "aws-ssm://eu-west-1/prod/stripe") == ()


def test_values_of_a_state_go_nowhere(tmp_path: Path) -> None:
    value = key().reveal()
    attributes = {"secret_id": ARN, "secret_string": value, "arn": value}
    found = _owners(tmp_path, _state(tmp_path, "aws_secretsmanager_secret_version", attributes), "aws-sm://eu-west-1/prod/payments")
    assert found and value not in repr(found) + " ".join(map(str, found))


def test_an_endless_text_takes_no_endless_time() -> None:
    for text in ('"${' * 50_000, "{" * 200_000, 'resource "a" "b" {' * 20_000, "<<A\n" * 20_000):
        assert sum(1 for _ in words(text)) >= 0
