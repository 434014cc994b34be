"""Read Stripe's record of an account."""
