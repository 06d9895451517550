"""Attaches shared memory as code. Lock: seccomp (shmget, shmat)."""

from tests.sandbox.attacks.arsenal import breach, call

segment = call("shmget", 0, 4096, 0o1700)
shm_exec, ipc_rmid = 0o100000, 0
address = call("shmat", segment, 0, shm_exec)
call("shmctl", segment, ipc_rmid, 0)
breach(hex(address))
