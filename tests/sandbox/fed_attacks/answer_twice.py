"""Answers each bar twice, in two writes. Lock: an answer is given before its bar, never after."""

import os

from tests.sandbox.fed_attacks import kit

kit.begin()
while True:
    kit.answer()
    os.write(kit.RESULT, kit.QUIET)
    kit.answers += 1
    kit.answers -= 1  # the second was for nothing
    kit.look()
