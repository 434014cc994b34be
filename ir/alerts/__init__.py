"""Read the alerts of secret scanners: what leaked, where, and since when. Nothing is contacted.

A secret in an alert is a `Secret` from the moment that its text is parsed; no other field that is returned holds it.
"""

from ir.alerts.alert import Alert, Location
from ir.alerts.leak import Leak, leaks, the_leak
from ir.alerts.mail import MAIL
from ir.alerts.read import FORMATS, MAX_ALERTS, MAX_BYTES, loads, read_file
from ir.alerts.recognise import StoredKey

__all__ = [
    "FORMATS",
    "MAIL",
    "MAX_ALERTS",
    "MAX_BYTES",
    "Alert",
    "Leak",
    "Location",
    "StoredKey",
    "leaks",
    "loads",
    "read_file",
    "the_leak",
]
