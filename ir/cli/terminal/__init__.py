"""The terminal: what is printed, what is asked, and where secrets are typed."""
