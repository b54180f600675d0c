"""The whole pipeline of a mail, with parts of it killed, frozen, wiped and cut, on real processes.

Short forms run with every test run; ``./scripts/faults`` takes the promised numbers. Each fault has its
control: the same with one guard taken out, and mails are lost or doubled. Both say how many.
"""
