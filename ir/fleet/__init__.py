"""Many keys: campaigns, schedules, workers, and stores that drift."""
