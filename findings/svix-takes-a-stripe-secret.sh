#!/usr/bin/env bash
# Svix and Standard Webhooks take a Stripe signing secret as their own, and sign with other bytes of it.
#
# Packages: svix 2.9.1, standardwebhooks 1.1.0, stripe 16.1.0 (PyPI).
# Expected: `whsec_` is known as the mark of Stripe's signing secrets, and a library refuses a secret that is not of its kind.
# Seen: the Standard Webhooks form has the same prefix. There the rest is base64 of the key; at Stripe the whole text, prefix included,
#   is the key. Both forms have the same letters: each library takes the other's secret without an error and computes another signature.
# Why it matters: a scanner's finding of `whsec_…` does not tell whose secret it is, so a response may roll Stripe's endpoint while the
#   leaked one, of another sender, lives on. And a secret stored for the wrong library fails only when the first event comes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check svix==2.9.1 standardwebhooks==1.1.0 stripe==16.1.0

cat >sign.py <<'PY'
import base64
import hashlib
import hmac
import secrets
import string
import time
from datetime import datetime, timezone

import standardwebhooks
import stripe
import svix.webhooks

letters = string.ascii_letters + string.digits
of_stripe = "whsec_" + "".join(secrets.choice(letters) for _ in range(32))
of_svix = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
body, now = '{"id": "evt_1", "object": "event"}', int(time.time())


def stripe_accepts(key: bytes, secret: str) -> bool:
    signature = hmac.new(key, f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    try:
        stripe.WebhookSignature.verify_header(body, f"t={now},v1={signature}", secret)
    except stripe.SignatureVerificationError:
        return False
    return True


for name, secret in (("Stripe's form", of_stripe), ("Svix' form", of_svix)):
    whole, decoded = secret.encode(), base64.b64decode(secret.removeprefix("whsec_"))
    assert stripe_accepts(whole, secret), "changed: Stripe's key is not the whole text"
    assert not stripe_accepts(decoded, secret), "changed: Stripe's key is the decoded text"
    for library in (svix.webhooks, standardwebhooks):
        signature = library.Webhook(secret).sign("msg_1", datetime.fromtimestamp(now, timezone.utc), body)
        keys = {"decoded": decoded, "whole": whole}
        content = f"msg_1.{now}.{body}".encode()
        used = [how for how, key in keys.items() if signature == "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()]
        print(f"{name}: {library.__name__} takes it; it signs with the {used[0]} text, stripe with the whole")
        assert used == ["decoded"], "changed"
PY
venv/bin/python sign.py

echo "seen: svix 2.9.1 and standardwebhooks 1.1.0 take a secret of Stripe's form and sign with other bytes of it than stripe 16.1.0"
