"""Errors, the model, secrets, references and strict parsers: what every other room may use, and which uses none of them."""
