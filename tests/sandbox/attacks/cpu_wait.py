"""Waits without end. Lock: wall clock."""

import time

from tests.sandbox.attacks.arsenal import breach, canary

time.sleep(canary("patience"))
breach("waited longer than it may")
