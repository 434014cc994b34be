"""References: read, written, and read again they mean the same; what is none is said without repeating a key."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.core.reference import Reference, parse
from ir.core.store_kind import SCHEMES
from tests.sizes import examples

PRINTABLE = st.characters(codec="utf-8").filter(lambda c: c.isprintable())
PART = st.text(PRINTABLE, min_size=1, max_size=30)
HOSTED, FREE = ("aws-sm", "vault", "conjur"), ("dotenv", "command", "env", "manual")
REFERENCES = st.one_of(
    st.builds(Reference, st.sampled_from(HOSTED), PART, PART, PART),
    st.builds(Reference, st.sampled_from(("aws-sm", "conjur")), PART, PART),
    st.builds(Reference, st.sampled_from(FREE), st.just(""), PART, PART),
    st.builds(Reference, st.sampled_from(("command", "env", "manual")), st.just(""), PART),
)


@given(REFERENCES)
@settings(max_examples=examples(60), deadline=None)
def test_written_and_read_again_it_is_the_same(reference: Reference) -> None:
    assert parse(str(reference)) == reference


@given(REFERENCES, PART)
@settings(max_examples=examples(60), deadline=None)
def test_the_object_is_the_reference_without_its_field(reference: Reference, field: str) -> None:
    other = Reference(reference.scheme, reference.host, reference.path, field)
    assert reference.object == other.object
    assert str(other) == f"{other.object}#{field}"


@given(REFERENCES, REFERENCES)
@settings(max_examples=examples(60), deadline=None)
def test_different_places_are_different_objects(one: Reference, two: Reference) -> None:
    same = (one.scheme, one.host, one.path) == (two.scheme, two.host, two.path)
    assert (one.object == two.object) is same


@given(st.text())
@settings(max_examples=examples(60), deadline=None)
def test_any_text_is_a_reference_or_a_clear_no(text: str) -> None:
    for candidate in (text, *(f"{scheme}://{text}" for scheme in SCHEMES)):
        try:
            found = parse(candidate)
        except UnicodeError:
            pytest.fail("a codec's error is no clear no")
        except ValueError as error:
            assert str(error).isprintable()  # noqa: PT017  # either way is right; this is about the words
        else:
            assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "scheme", "host", "path", "field"),
    [
        ("aws-sm://eu-west-1/prod/payments#api_key", "aws-sm", "eu-west-1", "prod/payments", "api_key"),
        ("aws-sm://eu-west-1/prod/payments", "aws-sm", "eu-west-1", "prod/payments", ""),
        ("vault://secret/payments#api_key", "vault", "secret", "payments", "api_key"),
        ("vault://team%2Fkv/payments#/stripe/key", "vault", "team/kv", "payments", "/stripe/key"),
        ("conjur://acme/prod/stripe", "conjur", "acme", "prod/stripe", ""),
        ("dotenv://./.env#STRIPE_SECRET_KEY", "dotenv", "", "./.env", "STRIPE_SECRET_KEY"),
        ("dotenv:///srv/app/.env#KEY", "dotenv", "", "/srv/app/.env", "KEY"),
        ("dotenv://./a%23b%25.env#KEY", "dotenv", "", "./a#b%.env", "KEY"),
        ("command://pass", "command", "", "pass", ""),
        ("env://STRIPE_KEY", "env", "", "STRIPE_KEY", ""),
        ("manual://heroku config", "manual", "", "heroku config", ""),
    ],
)
def test_examples(text: str, scheme: str, host: str, path: str, field: str) -> None:
    assert parse(text) == Reference(scheme, host, path, field)
    assert str(parse(text)) == text


def test_an_arn_is_a_path() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/payments-AbCdEf"
    assert parse(f"aws-sm://eu-west-1/{arn}#api_key").path == arn


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a reference"),
        ("payments", "not a reference"),
        ("https://vault.internal/x", "not a reference"),
        ("VAULT://secret/x#f", "not a reference"),
        ("aws-sm://eu-west-1", "region"),
        ("aws-sm:///prod", "region"),
        ("vault://secret/#f", "mount"),
        ("vault://secret/payments", "field"),
        ("vault://secret/payments#", "field"),
        ("dotenv://#KEY", "file"),
        ("dotenv://./.env", "field"),
        ("env://", "place"),
        ("env://A\nB", "control"),
        ("env://A%0AB", "control"),
        ("env://A%1b[2J", "control"),
        ("env://A\u202eB", "control"),
        ("env://A%ff", "UTF-8"),
    ],
)
def test_what_is_none_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


@pytest.mark.parametrize("frame", ["{}", "vault://{}", "dotenv://{}", "aws-sm://{}", "vault://secret/{}", "env:/{}"])
def test_a_key_pasted_in_place_of_a_reference_is_not_repeated(frame: str) -> None:
    key = "sk_" + "live_" + secrets.token_hex(24)
    with pytest.raises(ValueError, match=r".") as refused:
        parse(frame.format(key))
    assert key[8:24] not in str(refused.value)
