"""What was done to accounts and by whom."""
