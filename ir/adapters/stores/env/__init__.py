"""Env files, and this process's own environment."""
