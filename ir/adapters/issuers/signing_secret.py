"""What holds for every issuer of signing secrets: no API knows them, and they have no permissions."""

from ir.core.errors import Rejected
from ir.core.secret import Secret
from ir.ports import Containment, Issuer, Rotation, Target


class SigningSecretIssuer(Issuer):
    """The acts of an issuer that are not possible with a signing secret."""

    def contain(self, target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        """Not possible: a holder of the secret forges events without asking Stripe, until the services refuse it."""
        raise Rejected(
            "a signing secret cannot be taken away from strangers at Stripe: services refuse it once they have another one",
            next_step="go on with the rotation: it ends when every service refuses the old secret",
        )

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """Nothing was contained."""

    def widen(self, target: Target, right: str) -> str:
        """Not possible: a signing secret has no permissions."""
        raise Rejected("a signing secret has no permissions")

    def may_read(self, key: Secret, right: str) -> bool | None:
        """None: a signing secret has no permissions."""
        return None
