"""What can be seen of members, and by whom."""
