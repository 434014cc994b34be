"""Coverage, verdicts, the blast radius and the time line."""
