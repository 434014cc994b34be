"""People with SSH keys, made on the spot."""

import secrets
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.programs import SSH_KEYGEN


class Signer:
    """Somebody with an Ed25519 key in a file, PKCS#8 (which only `cryptography` reads) unless it is to be OpenSSH's own."""

    def __init__(self, folder: Path, name: str, *, openssh: bool = False) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        self.file = folder / f"{name}-{secrets.token_hex(3)}.key"
        form = PrivateFormat.OpenSSH if openssh else PrivateFormat.PKCS8
        self.file.write_bytes(self.private.private_bytes(Encoding.PEM, form, NoEncryption()))
        self.file.chmod(0o600)


def made_by_ssh_keygen(folder: Path, kind: str, *options: str) -> Path:
    """The private key's file; the public one lies beside it."""
    path = folder / f"id_{kind}_{secrets.token_hex(3)}"
    subprocess.run([SSH_KEYGEN.path, "-q", "-t", kind, *options, "-N", "", "-f", str(path), "-C", "test"], check=True)
    return path
