"""Permissions of Stripe's restricted keys: which endpoint needs which, what each is called where, and the least that services need."""

from ir.permissions.derived import Derived, derive
from ir.permissions.endpoint_map import EndpointRow, permission_for
from ir.permissions.names import asked_by_refusal, grantable, implied_by
from ir.permissions.uses import PermissionLine, Use

__all__ = ["Derived", "EndpointRow", "PermissionLine", "Use", "asked_by_refusal", "derive", "grantable", "implied_by", "permission_for"]
