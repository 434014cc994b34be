"""Stand-ins on loopback of the hosts where keys lie, each with its documented rules; they search every request for keys."""
