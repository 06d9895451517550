"""Makes a link for the service to follow. Lock: seccomp (symlinkat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.symlink("/etc/shadow", canary("directory") + "/symlink")
breach("linked")
