"""Signing an approval: with `ssh-keygen` and whatever it can use (agents, passphrases, tokens), else with a bare Ed25519 key."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ir.core import sshsig
from ir.core.errors import UsageError
from ir.core.secret import excerpt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ENVIRONMENT = ("PATH", "HOME", "LANG", "TERM", "DISPLAY", "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE")
_PATIENCE = 120.0
"""Seconds for a human to type a passphrase or touch a token."""


def public_half(path: str) -> sshsig.PublicKey:
    """The public key that belongs to `--sign-with`: the file itself, the `.pub` beside it, or read out of the private key.

    Raises:
        UsageError: none of these can be read.
    """
    for candidate in (Path(path), Path(f"{path}.pub")):
        try:
            return sshsig.public_key(candidate.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    line = _private(path).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return sshsig.public_key(line.decode())


def signed(path: str, words: bytes, namespace: str = sshsig.NAMESPACE) -> str:
    """An armored signature over `words`, for the purpose that `namespace` names.

    Raises:
        UsageError: the key cannot be used, or the signature is not what it should be.
    """
    program = shutil.which("ssh-keygen") if _is_openssh(path) else None
    armored = _by_program(program, path, words, namespace) if program else sshsig.sign(words, _private(path), namespace)
    try:
        sshsig.verify(armored, words, namespace)
    except sshsig.BadSignature as error:
        raise UsageError(f"what was signed cannot be checked: {error}", next_step="use an Ed25519, ECDSA or RSA key") from None
    return armored


def _by_program(program: str, path: str, words: bytes, namespace: str) -> str:
    """Not `ir.clients.program`: ssh-keygen asks for a passphrase on the terminal of this process."""
    env = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    argv = [program, "-Y", "sign", "-q", "-n", namespace, "-f", path]
    try:
        done = subprocess.run(argv, input=words, capture_output=True, env=env, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"ssh-keygen did not sign: {type(error).__name__}") from None
    if done.returncode:
        raise UsageError(f"ssh-keygen did not sign: {excerpt(done.stderr.decode(errors='replace'), 200)}", next_step="check --sign-with")
    return done.stdout.decode("ascii", errors="replace")


def _is_openssh(path: str) -> bool:
    """An OpenSSH private key, or a public one whose private half an agent holds."""
    head = _bytes(path)[:64]
    return head.startswith((b"-----BEGIN OPENSSH PRIVATE KEY-----", *(kind.encode() for kind in sshsig.KEY_TYPES)))


def _private(path: str) -> "Ed25519PrivateKey":
    """See `sshsig.private_key`."""
    try:
        return sshsig.private_key(_bytes(path))
    except ValueError:
        raise UsageError(
            f"{path} is no Ed25519 private key without a passphrase", next_step="with ssh-keygen installed any SSH key will do"
        ) from None


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(100_000)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
