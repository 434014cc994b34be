"""The embedded world: a Stripe twin, services under traffic, faults; for `ir drill` and for tests."""
