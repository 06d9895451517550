"""Answers for fifty bars at once. Lock: an answer is compared whole, and nothing behind it."""

from tests.sandbox.fed_attacks.kit import QUIET, answer, begin, look

begin()
answer(50 * QUIET)
while True:
    look()
