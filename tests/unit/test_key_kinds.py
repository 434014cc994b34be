"""What kind of credential a string is, by its prefix alone."""

import secrets

import pytest

from ir.core.key_kind import Credential, account_hint, kind_of, may_be_cut, paste_fault
from ir.core.model import KeyKind, Mode
from ir.core.secret import Secret

BODY = secrets.token_hex(24)


@pytest.mark.parametrize(
    ("prefix", "credential", "mode", "key_kind"),
    [
        ("sk_live_", Credential.SECRET, Mode.LIVE, KeyKind.SECRET),
        ("sk_test_", Credential.SECRET, Mode.TEST, KeyKind.SECRET),
        ("rk_live_", Credential.RESTRICTED, Mode.LIVE, KeyKind.RESTRICTED),
        ("rk_test_", Credential.RESTRICTED, Mode.TEST, KeyKind.RESTRICTED),
        ("sk_org_live_", Credential.ORGANIZATION, Mode.LIVE, None),
        ("sk_org_test_", Credential.ORGANIZATION, Mode.TEST, None),
        ("rkcs_test_", Credential.SANDBOX, Mode.TEST, None),
        ("pk_live_", Credential.PUBLISHABLE, Mode.LIVE, None),
        ("whsec_", Credential.WEBHOOK, None, KeyKind.WEBHOOK),
        ("ek_test_", Credential.EPHEMERAL, Mode.TEST, None),
        ("mk_", Credential.KEY_ID, None, None),
        ("AKIA", Credential.GARBAGE, None, None),
        ("", Credential.GARBAGE, None, None),
    ],
)
def test_the_prefix_tells(prefix: str, credential: Credential, mode: Mode | None, key_kind: KeyKind | None) -> None:
    kind = kind_of(Secret(prefix + BODY))
    assert (kind.credential, kind.mode, kind.key_kind) == (credential, mode, key_kind)
    assert kind.rotatable is (key_kind in (KeyKind.SECRET, KeyKind.RESTRICTED))


def test_every_kind_has_its_own_instruction() -> None:
    said = [credential.instruction for credential in Credential]
    assert len(set(said)) == len(Credential)
    for credential in Credential:
        assert 1 <= credential.instruction.count(". ") + 1 <= 3
        assert credential.instruction.endswith((".", "secret"))


@pytest.mark.parametrize("kind", ["sk_" + "live_", "rk_" + "test_"])
def test_what_a_prefix_cannot_rule_out(kind: str) -> None:
    (also,) = kind_of(Secret(kind + BODY)).may_be
    assert also is (Credential.HOSTED if kind.startswith("sk") else Credential.CLI)


@pytest.mark.parametrize("shape", ["{}", "{}a", "{}" + "A" * 150])
def test_a_whole_key_has_no_fault(shape: str) -> None:
    assert paste_fault(Secret(shape.format("rk_" + "live_" + BODY))) == ""


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ("", "Nothing"),
        ("   ", "Nothing"),
        (" {}", "white space"),
        ("{} ", "white space"),
        ("{}\n{}", "white space"),
        ("'{}'", "quotes"),
        ("\u201c{}\u201d", "quotes"),
        ("{};", "quotes or brackets"),
        ("Bearer:{}", "in front"),
        ("KEY={}", "in front"),
        ("{}{}", "twice"),
        ("{}\u2022\u2022\u2022\u20221234", "hidden"),
        ("{}...1234", "hidden"),
        ("{}-x", "no key has"),
        ("{}\u00e9", "no key has"),
    ],
)
def test_faults_are_named_and_the_key_is_not(shape: str, sentence: str) -> None:
    key = "sk_" + "test_" + BODY
    fault = paste_fault(Secret(shape.format(key, key)))
    assert sentence in fault
    assert BODY not in fault


def test_a_stump_is_cut() -> None:
    assert "cut" in paste_fault(Secret("sk_" + "live_" + "51AbC"))
    assert may_be_cut(Secret("sk_" + "live_5" + "1" * 60))
    assert not may_be_cut(Secret("sk_" + "live_5" + "1" * 98))
    assert not may_be_cut(Secret("sk_" + "live_" + "a" * 24))


def test_the_account_in_a_key_of_today_is_only_a_hint() -> None:
    tail = "1" + "a" * 15
    assert account_hint(Secret("sk_" + "live_5" + tail + "b" * 82)) == f"acct_{tail}"
    assert account_hint(Secret("sk_" + "live_5" + tail + "b" * 20)) == ""
    assert account_hint(Secret("sk_" + "live_9" + tail + "b" * 82)) == ""
