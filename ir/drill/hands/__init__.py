"""You are the person: an imitation of the Dashboard's page of keys over the twin, and what your clicks came to."""
