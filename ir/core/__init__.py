"""Errors, the model, secrets, references and strict parsers. Every other room may import this one, and it imports none of them."""
