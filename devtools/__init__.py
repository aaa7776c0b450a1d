"""What runs, checks, seeds and measures the project; no part of what is deployed."""
