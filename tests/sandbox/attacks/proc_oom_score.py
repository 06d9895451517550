"""Makes itself the last that the system kills. Lock: seccomp (openat)."""

from tests.sandbox.attacks.arsenal import breach

with open("/proc/self/oom_score_adj", "w") as file:
    file.write("500")
breach("changed")
