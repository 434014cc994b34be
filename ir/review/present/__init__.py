"""The review as JSON and on the screen."""
