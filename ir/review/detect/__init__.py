"""Run the detection rules over the tables."""
