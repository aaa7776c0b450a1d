"""The only door: answers who is calling, forwards the API, serves the pages. It has no database."""
