"""Kubernetes Secrets."""
