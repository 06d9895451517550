"""Frames of all kinds between its answers. Lock: answers are compared to the byte."""

from tests.sandbox.fed_attacks.kit import QUIET, answer, begin, frame, look

begin()
for kind in range(1, 20):
    answer(frame(kind, b"{}") + QUIET)
    look()
