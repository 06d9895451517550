"""Half an answer, to see whether a bar comes for it. Lock: an answer is compared whole."""

import os

from tests.sandbox.fed_attacks.kit import QUIET, RESULT, begin, look

begin()
os.write(RESULT, QUIET[:3])
look()
