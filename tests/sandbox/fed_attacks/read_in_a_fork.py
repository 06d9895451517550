"""A second process reads while the first answers. Lock: seccomp (no process can be made)."""

import os

from tests.sandbox.fed_attacks.kit import answer, begin, look

begin()
if os.fork() == 0:
    print("BREACH: forked", flush=True)
    while True:
        look()
while True:
    answer()
