"""Deploying, going back and looking after one host. Standard library only: a host has Python and Docker."""
