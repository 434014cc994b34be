"""A whole rotation against real servers on loopback, with services under payments."""
