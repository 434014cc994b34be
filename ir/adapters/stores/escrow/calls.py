"""Every call that a run makes for an escrow whose key is in AWS KMS or in Vault's transit engine, so that a policy can allow them."""

from collections.abc import Mapping

from ir.ports.policy import Line

_WHY = "custody of keys that no listed store can hold"


def kms(environment: Mapping[str, str]) -> tuple[Line, ...]:
    """Lines of an IAM policy; none when the settings name no key of KMS."""
    key = environment.get("IR_ESCROW_KMS_KEY", "")
    # IAM takes the id of a key, and not its alias
    arn = key if ":key/" in key else f"arn:aws:kms:*:*:key/{'ID-OF-THE-KEY' if 'alias/' in key else key}"
    return tuple(Line(f"kms:{call}", arn, _WHY) for call in ("Encrypt", "Decrypt")) if key else ()


def transit(environment: Mapping[str, str]) -> tuple[Line, ...]:
    """Lines of a Vault policy; none when the settings name no key of the transit engine."""
    if environment.get("IR_ESCROW_KMS_KEY") or not (environment.get("IR_ESCROW_TRANSIT_KEY") or environment.get("IR_ESCROW_TRANSIT_MOUNT")):
        return ()
    mount, name = environment.get("IR_ESCROW_TRANSIT_MOUNT") or "transit", environment.get("IR_ESCROW_TRANSIT_KEY") or "ir-escrow"
    return tuple(Line("update", f"{mount}/{call}/{name}", _WHY) for call in ("encrypt", "decrypt"))
