from __future__ import annotations

import asyncio
import socket

from server.serve import _listen
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
