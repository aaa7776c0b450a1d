"""Writes of the members service: one function is one use case is one transaction."""
