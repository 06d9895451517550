"""Keeps data in the kernel's keyring. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import breach, call

key_spec_process_keyring = -2
breach(str(call("add_key", b"user", b"canary", b"x", 1, key_spec_process_keyring)))
