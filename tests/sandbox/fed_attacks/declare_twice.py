"""Other indicators, declared when it has seen a bar. Lock: answers are compared to the byte."""

import json

from tests.sandbox.fed_attacks.kit import DECLARED, answer, begin, frame, look

begin()
item = {"name": "x", "inputs": ["close"], "parts": 1}
answer(frame(DECLARED, json.dumps({"indicators": [item]}).encode()))
while True:
    look()
