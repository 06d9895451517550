"""The same by another call. Lock: seccomp (execveat), Landlock."""

import ctypes

from tests.sandbox.attacks.arsenal import AT_FDCWD, call

arguments = (ctypes.c_char_p * 4)(b"sh", b"-c", b"echo BREACH executed", None)
nothing = (ctypes.c_char_p * 1)(None)
call("execveat", AT_FDCWD, b"/bin/sh", arguments, nothing, 0)
