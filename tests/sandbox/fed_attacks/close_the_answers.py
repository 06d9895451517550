"""Closes the pipe of its answers. Lock: who does not answer does not get there."""

import os

from tests.sandbox.fed_attacks.kit import RESULT, begin, look

begin()
os.close(RESULT)
look()
