"""Learns a file's size and times. Lock: seccomp (newfstatat); Landlock does not stop it."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.stat(canary("secret")).st_size))
