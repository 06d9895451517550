"""Reads on and on without an answer. Lock: no bar is written before the answer to the last."""

from tests.sandbox.fed_attacks.kit import begin, look

begin()
while True:
    look()
