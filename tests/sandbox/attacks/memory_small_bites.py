"""Takes memory in small bites. Lock: RLIMIT_AS."""

from tests.sandbox.attacks.arsenal import breach

kept = [bytes(100_000) for _ in range(5_000)]
breach(f"{len(kept)} bites")
