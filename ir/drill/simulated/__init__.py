"""A whole world in memory, with state and simulated time: provider, stores, services, people, and a durable engine."""
