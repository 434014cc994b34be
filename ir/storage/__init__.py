"""Tables in the database that all processes share, and the folder for state."""
