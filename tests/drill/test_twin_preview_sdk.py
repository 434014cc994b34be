"""The twin as Stripe's own private-preview SDK sees it: a second client, whose typed classes know the key API."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import pytest

from ir.core.model import Mode
from ir.drill.twin import StripeTwin, TwinSettings

pytestmark = pytest.mark.server
VERSION = "16.1.0a4"

# Runs in a process of its own, because it is another version of a package that this one has imported.
SCRIPT = """
import json, sys, typing
import stripe
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

told = json.load(sys.stdin)
stripe.enable_telemetry = False
client = stripe.StripeClient(told["app"], base_addresses={"api": told["url"]}, stripe_context=told["account"])
keys = client.v2.iam.api_keys
pem = generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
public_key = {"id": "p", "pem_key": {"algorithm": "RSA", "data": pem}}

def missing(published, found, path=""):
    lost = []
    for name, hint in published.__dict__.get("__annotations__", {}).items():
        if typing.get_origin(hint) is typing.ClassVar or name.startswith("_") or type(None) in typing.get_args(hint):
            continue
        if name not in found:
            lost.append(path + name)
    for name, inner in getattr(published, "_inner_class_types", {}).items():
        value = found.get(name)
        if isinstance(value, dict):
            lost += missing(inner, value, path + name + ".")
    return lost

def unknown(published, found, path=""):
    names = set(published.__dict__.get("__annotations__", {}))
    lost = [path + name for name in found if name not in names]
    for name, inner in getattr(published, "_inner_class_types", {}).items():
        if isinstance(found.get(name), dict):
            lost += unknown(inner, found[name], path + name + ".")
    return lost

made = keys.create({"type": "secret_key", "name": "n", "permissions": ["balance_read"], "public_key": public_key})
out = {"version": stripe.VERSION, "class": type(made).__name__, "missing": [], "unknown": []}
def look(one):
    out["missing"] += missing(type(one), one.to_dict())
    out["unknown"] += unknown(type(one), one.to_dict())
look(made)
out["format"] = made.secret_key.encrypted_secret.format
out["parts"] = made.secret_key.encrypted_secret.ciphertext.count(".") + 1
listed = keys.list({"limit": 1})
everything = list(listed.auto_paging_iter())
out["listed"] = [type(one).__name__ for one in everything]
for one in everything:
    look(one)
look(keys.retrieve(made.id))
look(keys.update(made.id, {"permissions": ["charge_read"], "note": "x"}))
new = keys.rotate(made.id, {"expire_current_key_in_minutes": 5, "public_key": public_key})
look(new)
out["rotated"] = new.id != made.id
out["expired"] = keys.expire(new.id).status

reader = stripe.StripeClient(told["reader"], base_addresses={"api": told["url"]})
logs = list(reader.v2.iam.activity_logs.list({"action_groups": ["api_key"], "limit": 2}).auto_paging_iter())
out["logs"] = [log.type for log in logs]
out["log_class"] = type(logs[0]).__name__
for log in logs:
    look(log)
events = reader.v2.core.events.list({"object_id": made.id}).data
out["events"] = [type(event).__name__ for event in events]
# Not `event.data.api_key`: that attribute of every SDK object is the key that the caller used.
out["old_and_new"] = [[event.data["api_key"], event.data["new_api_key"]] for event in events if event.type.endswith("rotated")]
try:
    keys.retrieve("mk_none")
except stripe.InvalidRequestError as error:
    out["not_found"] = [error.http_status, error.code]
client.stripe_context = None
print(json.dumps(out | {"ids": [made.id, new.id]}))
"""


@pytest.fixture(scope="session")
def preview_sdk(request: pytest.FixtureRequest) -> Path:
    """Install the private-preview SDK once, from the index, by name, into a folder of its own."""
    assert request.config.cache is not None, "this test needs pytest's cache"
    home = request.config.cache.mkdir("preview-sdk") / f"stripe-{VERSION}"
    if not (home / "stripe").is_dir():
        fresh = home.with_name(f"{home.name}.{os.getpid()}")
        with tempfile.TemporaryDirectory() as folder:
            argv = [*_installer(Path(folder)), "--no-deps", "--target", str(fresh), f"stripe=={VERSION}"]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"the private-preview SDK cannot be installed:\n{done.stderr[-1500:]}", pytrace=False)
        try:
            fresh.rename(home)
        except OSError:  # another worker was first
            shutil.rmtree(fresh)
    return home


def _installer(home: Path) -> list[str]:
    """What installs a package: uv where it is on PATH, else the pip of an environment made for that; the tests' own has none."""
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    venv.create(home, with_pip=True)
    return [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def seen_by_preview_sdk(sdk: Path, twin: StripeTwin) -> dict[str, Any]:
    told = {
        "url": twin.url,
        "account": twin.account,
        "app": twin.create_app_key().token.reveal(),
        "reader": twin.create_secret_key("reader").token.reveal(),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(told),
        env={"PYTHONPATH": str(sdk), "PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_the_private_preview_sdk_reads_every_answer_of_the_key_api(preview_sdk: Path) -> None:
    with StripeTwin(seed=31, settings=TwinSettings(mode=Mode.LIVE)) as twin:
        found = seen_by_preview_sdk(preview_sdk, twin)
        old, new = found.pop("ids")
    assert found == {
        "version": VERSION,
        "class": "ApiKey",
        "missing": [],
        "unknown": [],
        "format": "jwe_compact",
        "parts": 5,
        "listed": ["ApiKey"] * 3,
        "rotated": True,
        "expired": "expired",
        "logs": ["api_key_deleted", "api_key_updated", "api_key_updated", "api_key_created", "api_key_created"],
        "log_class": "ActivityLog",
        "events": [
            "V2IamApiKeyRotatedEvent",
            "V2IamApiKeyPermissionsUpdatedEvent",
            "V2IamApiKeyCreatedEvent",
        ],
        "old_and_new": [[old, new]],
        "not_found": [404, "not_found"],
    }
