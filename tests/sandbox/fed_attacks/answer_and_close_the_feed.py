"""Closes what it is fed by and goes on answering. Lock: every bar is written before its answer."""

import os

from tests.sandbox.fed_attacks.kit import FEED, answer, begin

begin()
os.close(FEED)
while True:
    answer()
