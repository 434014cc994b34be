"""The durable workflow that walks a plan, asks people and records what happened."""
