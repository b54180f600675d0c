"""The mails that tell people what happened, and where each of them is."""
