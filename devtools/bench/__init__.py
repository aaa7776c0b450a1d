"""Measurements: `./dev bench NAME`. Never part of the tests."""
