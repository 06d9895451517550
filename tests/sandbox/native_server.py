"""A fork server whose children run plain Python, for attack tests: `... FD USER_ID MODULE ...`.

The locks are those of the service's own; only the task differs, which no server of the service
knows. `USER_ID`, where there is one, is whom it becomes before it forks.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from typing import Any

from sandbox.child import forkserver
from sandbox.child.lockdown import Inside
from sandbox.crossing.sealed import parse_job
from sandbox.locks import kernel


def run_plain_python(inside: Inside) -> None:
    """The task: the source of the job as a program."""
    source = parse_job(inside.job)[0]["source"]
    # Unbuffered, so that what was printed is out before a fault or a kill.
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw: Any = io.FileIO(fd, "wb", closefd=False)
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True))
    code = 0
    try:
        exec(compile(source, "<native>", "exec"), {"__name__": "__main__"})
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        code = 1
        text = "".join(traceback.format_exception(error))[-8000:]
        os.write(2, text.encode("utf-8", "backslashreplace"))
    os._exit(code & 0xFF)


def _become(user_id: int) -> None:
    """Go on as an ordinary user, as a server does that was started by one."""
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # what a change of user takes away


if __name__ == "__main__":
    forkserver.warm()
    for module in sys.argv[3:]:
        importlib.import_module(module)
    if sys.argv[2]:
        _become(int(sys.argv[2]))
    forkserver.serve(int(sys.argv[1]), {"native": run_plain_python})
