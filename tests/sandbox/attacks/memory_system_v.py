"""Takes shared memory that outlives it. Lock: seccomp (shmget)."""

from tests.sandbox.attacks.arsenal import breach, call

segment = call("shmget", 0, 4096, 0o1600)
ipc_rmid = 0
call("shmctl", segment, ipc_rmid, 0)
breach("a segment")
