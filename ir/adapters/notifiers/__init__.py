"""Notifiers tell people of an incident. A new one is one module and one line here; nothing is imported until it is asked for."""

NOTIFIERS = {
    "apprise": "ir.adapters.notifiers.apprise:AppriseNotifier",
}
