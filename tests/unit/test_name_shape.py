"""What names suggest: those of Stripe's keys, of its other secrets, and of what is no secret at all."""

import pytest

from ir.core.key_kind import Credential
from ir.core.model import Mode
from ir.core.name_shape import NameShape, of_name

KEY, RESTRICTED, WEBHOOK, PUBLIC = Credential.SECRET, Credential.RESTRICTED, Credential.WEBHOOK, Credential.PUBLISHABLE


@pytest.mark.parametrize(
    ("parts", "credential", "mode"),
    [
        (("STRIPE_SECRET_KEY",), KEY, None),
        (("STRIPE_API_KEY_TEST",), KEY, Mode.TEST),
        (("stripeSecretKey",), KEY, None),
        (("stripe",), KEY, None),
        (("prod-stripe",), KEY, Mode.LIVE),
        (("SK_LIVE",), KEY, Mode.LIVE),
        (("api_key", "stripe"), KEY, None),
        (("STRIPE_RESTRICTED_KEY",), RESTRICTED, None),
        (("RK_TEST",), RESTRICTED, Mode.TEST),
        (("STRIPE_WEBHOOK_SECRET",), WEBHOOK, None),
        (("STRIPE_ENDPOINT_SIGNING_SECRET",), WEBHOOK, None),
        (("STRIPE_PUBLISHABLE_KEY",), PUBLIC, None),
        (("NEXT_PUBLIC_STRIPE_KEY",), PUBLIC, None),
        (("STRIPE_CLIENT_SECRET",), KEY, None),
        (("STRIPE_ACCOUNT_KEY",), KEY, None),
    ],
)
def test_names_of_stripes(parts: tuple[str, ...], credential: Credential, mode: Mode | None) -> None:
    assert of_name(*parts) == NameShape(credential, mode)


@pytest.mark.parametrize(
    "name", ["STRIPE_PRICE_ID", "STRIPE_API_VERSION", "STRIPE_ACCOUNT_ID", "DATABASE_URL", "SK", "STRIPED", "", "x" * 9999]
)
def test_names_of_anything_else(name: str) -> None:
    assert of_name(name) is None
