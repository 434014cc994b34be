"""Vendors behind the ports: stores, issuers, verifiers, reloaders, notifiers. Each vendor is a stranger to the others."""
