from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from server.jobs.rpc import Peer, RemoteError


class Ends:
    """Two peers that talk to each other; the other's handler doubles, fails or waits."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Mapping[str, Any]]] = []
        self.noticed = threading.Event()
        self.gone = threading.Event()
        self.release = threading.Event()
        ours, theirs = socket.socketpair()
        self.near = Peer(ours, self.handle, on_lost=self.gone.set)
        self.far = Peer(theirs, self.handle)
        self.near.start()
        self.far.start()

    def handle(self, call: str, message: Mapping[str, Any]) -> Any:
        match call:
            case "double":
                return message["n"] * 2
            case "fail":
                raise ValueError("no")
            case "wait":
                self.release.wait(10)
                return None
            case _:
                self.heard.append((call, message))
                self.noticed.set()
                return None


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.release.set()
    made.near.close()
    made.far.close()


def test_a_call_gets_its_answer(ends: Ends) -> None:
    assert ends.near.call("double", timeout_s=10, n=21) == 42


def test_both_sides_may_call(ends: Ends) -> None:
    assert ends.far.call("double", timeout_s=10, n=2) == 4


def test_a_slow_call_does_not_hold_up_another(ends: Ends) -> None:
    waiting = threading.Thread(target=ends.near.call, args=("wait",), kwargs={"timeout_s": 10})
    waiting.start()
    assert ends.near.call("double", timeout_s=10, n=1) == 2
    ends.release.set()
    waiting.join()


def test_what_the_other_side_raises_is_told(ends: Ends) -> None:
    with pytest.raises(RemoteError, match="ValueError: no"):
        ends.near.call("fail", timeout_s=10)


def test_a_notice_is_not_answered(ends: Ends) -> None:
    ends.near.notify("wake", n=1)
    assert ends.noticed.wait(10)
    assert ends.heard == [("wake", {"n": 1})]


def test_a_call_that_takes_too_long_is_given_up(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends.near.call("wait", timeout_s=0.01)


def test_calls_fail_and_notices_are_dropped_when_the_other_side_dies(ends: Ends) -> None:
    errors: list[BaseException] = []

    def call() -> None:
        try:
            ends.near.call("wait", timeout_s=10)
        except ConnectionError as error:
            errors.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    ends.far.close()
    waiting.join()
    assert ends.gone.wait(10)
    assert len(errors) == 1
    assert ends.near.lost
    ends.near.notify("wake")
    with pytest.raises(ConnectionError):
        ends.near.call("double", timeout_s=10, n=1)
