"""``python -m service_kit.preflight``: every setting and secret of a host, before anything starts.

Runs in one container that has the settings of all three services and all secrets. Each problem is one
line that says what is wrong and what to do, and all of them come at once.
"""
