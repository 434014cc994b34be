"""Secrets of GitHub Actions."""
