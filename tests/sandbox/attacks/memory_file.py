"""Keeps memory outside its address space. Lock: seccomp (memfd_create)."""

import os

from tests.sandbox.attacks.arsenal import breach

breach(str(os.memfd_create("x")))
