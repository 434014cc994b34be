"""The escrow: custody in an encrypted file, its key with a keyring, with Vault, or with KMS."""

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null

from ir.adapters.stores.escrow.store import EncryptedEscrow
from ir.core.errors import Missing, Rejected, Unknown
from ir.core.secret import Secret
from ir.drill.embedded.openbao_server import OpenBao
from tests.worlds import aws, vault
from tests.worlds.stores import key, unique
from tests.worlds.surroundings import environment

INCIDENT = "INC-20261123-ab12"
OTHER = "INC-20261122-zz99"


class MemoryKeyring(KeyringBackend):
    """A desktop's keyring: not on the disk."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's own
        self.rows: dict[tuple[str, str], str] = {}
        self.wait = 0.0

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(self.wait)
        return self.rows.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        time.sleep(self.wait)
        self.rows[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.rows[service, username]


class PlainText(MemoryKeyring):
    """As if it came from the package of keyrings that are plain files."""


PlainText.__module__ = "keyrings.alt.file"


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    with environment(VAULT_ADDR=None, IR_ESCROW_KMS_KEY=None):
        yield made
    keyring.set_keyring(before)


@pytest.fixture(params=["keyring", "transit", "kms"])
def locked(request: pytest.FixtureRequest) -> Iterator[str]:
    """Settings for each kind of lock."""
    if request.param == "keyring":
        request.getfixturevalue("ring")
        yield "keyring"
    elif request.param == "transit":
        server: OpenBao = request.getfixturevalue("openbao")
        mount = unique("transit")
        vault.client(server).sys.enable_secrets_engine("transit", path=mount)
        more = {"IR_ESCROW_KMS_KEY": None, "IR_ESCROW_TRANSIT_MOUNT": mount}
        with environment(**vault.settings(server.address, server.token), **more):
            yield "transit"
    else:
        address = request.getfixturevalue("aws_address")
        more = {"AWS_ENDPOINT_URL_KMS": address, "AWS_REGION": aws.REGION, "IR_ESCROW_KMS_KEY": _kms_key(address)}
        with environment(**aws.settings(address), **more):
            yield "kms"


def _kms_key(address: str) -> str:
    import boto3

    client: Any = boto3.session.Session("test", "test", region_name=aws.REGION).client("kms", endpoint_url=address)
    return str(client.create_key()["KeyMetadata"]["Arn"])


def test_keeps_until_discarded(locked: str, tmp_path: Path) -> None:
    folder, old, new = tmp_path / "deep" / "escrow", key(), key()
    assert EncryptedEscrow(folder).custodian
    assert EncryptedEscrow(folder).fetch(INCIDENT, "old") is None
    EncryptedEscrow(folder).discard(INCIDENT)
    address = EncryptedEscrow(folder).keep(INCIDENT, "old", old)
    EncryptedEscrow(folder).keep(INCIDENT, "new-1", new)
    EncryptedEscrow(folder).keep(OTHER, "old", new)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert EncryptedEscrow(folder).keep(INCIDENT, "old", old) == address
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (EncryptedEscrow(folder).fetch(INCIDENT, "old"), EncryptedEscrow(folder).fetch(INCIDENT, "new-1")) == (old, new)
    assert locked in address
    assert (EncryptedEscrow(folder).left(INCIDENT).roles, EncryptedEscrow(tmp_path / "none").left(INCIDENT).roles) == (("new-1", "old"), ())
    for data in (*before.values(), address.encode()):
        for secret in (old, new):
            assert secret.reveal().encode() not in data
    EncryptedEscrow(folder).discard(INCIDENT)
    EncryptedEscrow(folder).discard(INCIDENT)
    assert EncryptedEscrow(folder).fetch(INCIDENT, "old") is None
    assert EncryptedEscrow(folder).fetch(OTHER, "old") == new
    assert [path.name for path in folder.iterdir()] == [f"{OTHER}.old.json"]


def test_a_role_can_be_kept_anew(locked: str, tmp_path: Path) -> None:
    first, second = key(), key()
    EncryptedEscrow(tmp_path).keep(INCIDENT, "new-1", first)
    EncryptedEscrow(tmp_path).keep(INCIDENT, "new-1", second)
    assert EncryptedEscrow(tmp_path).fetch(INCIDENT, "new-1") == second


def test_files_are_bound_to_their_name_and_cannot_be_changed(locked: str, tmp_path: Path) -> None:
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    path = tmp_path / f"{INCIDENT}.old.json"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, os.geteuid())
    (tmp_path / f"{INCIDENT}.new-1.json").write_bytes(path.read_bytes())
    (tmp_path / f"{INCIDENT}.new-1.json").chmod(0o600)
    with pytest.raises((Rejected, Unknown)):
        EncryptedEscrow(tmp_path).fetch(INCIDENT, "new-1")
    row = json.loads(path.read_text())
    path.write_text(json.dumps({**row, "text": row["nonce"] + row["text"]}))
    with pytest.raises(Rejected, match="torn"):
        EncryptedEscrow(tmp_path).fetch(INCIDENT, "old")
    path.write_text("{}")
    with pytest.raises(Rejected, match="torn"):
        EncryptedEscrow(tmp_path).fetch(INCIDENT, "old")


@pytest.mark.parametrize("backend", [null.Keyring, fail.Keyring, PlainText])
def test_a_keyring_that_is_none_is_refused(ring: MemoryKeyring, tmp_path: Path, backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    escrow = EncryptedEscrow(tmp_path)
    assert not escrow.custodian
    with pytest.raises(Rejected, match="no place"):
        escrow.keep(INCIDENT, "old", key())
    assert list(tmp_path.iterdir()) == []


def test_of_several_keyrings_the_first_good_one_is_used(ring: MemoryKeyring, tmp_path: Path) -> None:
    plain, good = PlainText(), MemoryKeyring()

    class Both(chainer.ChainerBackend):
        backends = (plain, good)

    keyring.set_keyring(Both())  # type: ignore[no-untyped-call]  # the library's own
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    assert (len(plain.rows), len(good.rows)) == (0, 1)


def test_the_keyring_forgets_what_is_discarded(ring: MemoryKeyring, tmp_path: Path) -> None:
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    assert len(ring.rows) == 1
    EncryptedEscrow(tmp_path).discard(INCIDENT)
    assert ring.rows == {}


def test_a_key_that_the_keyring_lost_is_said(ring: MemoryKeyring, tmp_path: Path) -> None:
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    ring.rows.clear()
    with pytest.raises(Missing, match="the keyring has no key"):
        EncryptedEscrow(tmp_path).fetch(INCIDENT, "old")


def test_a_keyring_that_waits_for_its_owner_is_unknown(ring: MemoryKeyring, tmp_path: Path) -> None:
    ring.wait = 0.5
    with pytest.raises(Unknown, match="keyring"):
        EncryptedEscrow(tmp_path, timeout=0.1).keep(INCIDENT, "old", key())


def test_other_settings_than_it_was_locked_with_are_said(ring: MemoryKeyring, openbao: OpenBao, tmp_path: Path) -> None:
    EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    more = {"IR_ESCROW_TRANSIT_KEY": "ir-escrow"}
    with environment(**vault.settings(openbao.address, openbao.token), **more), pytest.raises(Rejected, match="locked by `keyring`"):
        EncryptedEscrow(tmp_path).fetch(INCIDENT, "old")


def test_a_vault_that_has_no_key_for_us_leaves_it_to_the_keyring(ring: MemoryKeyring, openbao: OpenBao, tmp_path: Path) -> None:
    with environment(**vault.settings(openbao.address, openbao.token)):
        assert "(keyring)" in EncryptedEscrow(tmp_path).keep(INCIDENT, "old", key())
    with environment(**vault.settings(openbao.address, "not-a-token")):
        assert "(keyring)" in EncryptedEscrow(tmp_path / "denied").keep(INCIDENT, "old", key())


def test_a_transit_key_that_is_there_is_used_unasked_and_a_narrow_token_is_enough(openbao: OpenBao, tmp_path: Path) -> None:
    client: Any = vault.client(openbao)
    client.sys.enable_secrets_engine("transit", path="transit")
    try:
        client.secrets.transit.create_key("ir-escrow")
        client.sys.create_or_update_policy("escrow-only", 'path "transit/+/ir-escrow" { capabilities = ["update"] }')
        narrow = client.auth.token.create(policies=["escrow-only"])["auth"]["client_token"]
        for token in (openbao.token, narrow):
            with environment(**vault.settings(openbao.address, token), IR_ESCROW_KMS_KEY=None):
                assert "(transit)" in EncryptedEscrow(tmp_path / token[-4:]).keep(INCIDENT, "old", key())
    finally:
        client.sys.disable_secrets_engine("transit")


@pytest.mark.parametrize("name", ["../x", "a/b", "", "."])
def test_names_stay_in_the_folder(ring: MemoryKeyring, tmp_path: Path, name: str) -> None:
    with pytest.raises(Rejected):
        EncryptedEscrow(tmp_path).keep(INCIDENT, name, Secret("x"))
    with pytest.raises(Rejected):
        EncryptedEscrow(tmp_path).discard(name)
