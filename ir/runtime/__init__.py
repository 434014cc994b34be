"""The composition root: it wires adapters to ports, and starts, resumes, ends and reopens incidents."""
