"""Several readers at once. Lock: seccomp (no thread can be made)."""

import contextlib
import threading

from tests.sandbox.fed_attacks.kit import begin, look

begin()
readers = [threading.Thread(target=look) for _ in range(3)]
with contextlib.suppress(RuntimeError):
    for reader in readers:
        reader.start()
        print("BREACH: a thread", flush=True)
