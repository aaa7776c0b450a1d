"""What can be seen of check-in, and by whom."""
