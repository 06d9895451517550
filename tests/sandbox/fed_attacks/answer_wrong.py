"""Order calls that the run did not make. Lock: answers are compared to the byte."""

from tests.sandbox.fed_attacks.kit import BAR, answer, begin, frame, look

begin()
answer(frame(BAR, bytes(96)))
while True:
    look()
