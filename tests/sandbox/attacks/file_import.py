"""Imports a module that was not loaded before. Lock: seccomp (openat, stat)."""

import this

from tests.sandbox.attacks.arsenal import breach

breach(this.__name__)
