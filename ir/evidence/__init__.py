"""The hash-chained audit log, its checkpoints and time stamps, and the program that verifies them."""
