"""Documentation that is generated from the code, and the checks that keep it true."""
