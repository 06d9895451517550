from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

from server.web.serve import _listen
from tests.server.loops import run_async


def test_an_answers_body_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    async def option_of_an_accepted_connection() -> int:
        seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            seen.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(answer, sock=_listen("127.0.0.1", 0)) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            option = await seen
            writer.close()
        return option

    assert run_async(option_of_an_accepted_connection()) != 0


def test_threads_that_never_end_do_not_outlive_the_time_to_stop() -> None:
    program = (
        "import signal, threading, time\n"
        "from server.web.serve import EndInTime\n"
        "class Worker:\n"
        "    def kill(self): print('killed', flush=True)\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "EndInTime(0.1, Worker())\n"
        "def spin():\n"
        "    while True: pass\n"
        "threading.Thread(target=spin).start()\n"
        "print('ready', flush=True)\n"
        "spin()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.communicate() == ("killed\n", None)
    assert process.returncode == 0
