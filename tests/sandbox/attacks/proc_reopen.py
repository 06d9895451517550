"""Opens its own pipe again, with other rights. Lock: seccomp (openat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach

for fd in attempt(*[lambda n=n: os.open(f"/proc/self/fd/{n}", os.O_RDWR) for n in (1, 2, 3)]):
    breach(f"descriptor {fd}")
