"""Takes memory in C. Lock: RLIMIT_AS."""

import numpy as np

from tests.sandbox.attacks.arsenal import breach

breach(str(np.ones(64 * 1024 * 1024).nbytes))
