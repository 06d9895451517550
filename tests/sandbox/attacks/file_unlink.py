"""Deletes a file. Lock: seccomp (unlinkat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.unlink(canary("disposable"))
breach("deleted")
