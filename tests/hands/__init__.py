"""A badly timed person at a real terminal of 80 × 24 and at the Dashboard's page, by seed; and what has to hold whatever they do."""
