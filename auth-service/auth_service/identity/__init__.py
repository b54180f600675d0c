"""What accounts, sessions and mails have in common: finding a user, passwords, and credentials."""
