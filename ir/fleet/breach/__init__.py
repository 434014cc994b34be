"""The day a host is breached: what was stored there in order of danger, which of it is ours, and how far it is replaced, place by place."""
