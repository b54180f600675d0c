"""The whole road of a mail, with parts of it killed, frozen, wiped and cut, on real processes.

Short forms run with every test run; ``FAULTS=full`` takes the promised numbers.
"""
