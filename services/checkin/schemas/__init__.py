"""The wire of check-in."""
