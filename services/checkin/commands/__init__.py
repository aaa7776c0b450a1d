"""What can be done in check-in: one function is one use case in one transaction."""
