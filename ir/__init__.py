"""`ir`: from a leaked Stripe key to a proven-dead one, with every service on its replacement."""

__version__ = "0.2.0"
