"""Encrypted custody for stores that keep no versions."""
