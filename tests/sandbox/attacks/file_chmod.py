"""Opens a file to everybody. Lock: seccomp (fchmodat); Landlock does not stop it."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.chmod(canary("owned"), 0o777)
breach("changed")
