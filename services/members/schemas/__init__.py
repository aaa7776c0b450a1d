"""The wire of the members service: shape only."""
