"""Answers each bar twice, in two writes. Lock: who answers a bar unseen has answered it."""

from tests.sandbox.fed_attacks.kit import answer, begin, look

begin()
while True:
    answer()
    answer()
    look()
