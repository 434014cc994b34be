"""Clients of the outside world that know no store and no incident: Stripe's API, HTTP, programs."""
