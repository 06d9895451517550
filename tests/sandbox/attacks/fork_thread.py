"""Starts a thread. Lock: seccomp (clone, clone3)."""

import threading

from tests.sandbox.attacks.arsenal import breach

try:
    threading.Thread(target=lambda: breach("a thread ran")).start()
except RuntimeError as error:
    raise OSError(str(error)) from error
