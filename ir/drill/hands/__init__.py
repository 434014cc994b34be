"""A drill by hand: an imitation of the Dashboard's page of keys over the twin, and the score of a person's clicks."""
