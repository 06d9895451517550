"""Answers without having declared anything. Lock: no bar before the declaration."""

import os

from tests.sandbox.fed_attacks.kit import QUIET, RESULT, look

os.write(RESULT, QUIET)
look()
