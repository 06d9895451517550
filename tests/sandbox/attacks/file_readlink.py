"""Reads where a link points. Lock: seccomp (readlink)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(os.readlink(canary("link")))
