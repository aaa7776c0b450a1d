"""One system for all journeys: each has a station of its own, and its own days."""

from tests.conftest import system_of

system = system_of("package")
