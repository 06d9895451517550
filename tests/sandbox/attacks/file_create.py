"""Creates a file. Lock: seccomp (openat), Landlock, RLIMIT_FSIZE."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("directory") + "/created", "w") as file:
    file.write("x")
breach("created")
