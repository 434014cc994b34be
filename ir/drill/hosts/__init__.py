"""Stand-ins on loopback of hosts that keep keys, each with its documented rules; they search every request for keys."""
