"""The second wall alone: what Landlock refuses when there is no filter."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from sandbox.locks import kernel, landlock
from tests.sandbox.locks.test_kernel import in_a_child

needs_landlock = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")


def behind_the_wall(work) -> int:
    def locked() -> object:
        ruleset = landlock.empty_ruleset(landlock.abi())
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.apply(ruleset)
        return work()

    return in_a_child(locked)


@needs_landlock
def test_no_file_opens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert behind_the_wall(lambda: os.open(tmp_path / "file", os.O_RDONLY)) == errno.EACCES
    assert behind_the_wall(lambda: os.open(tmp_path / "new", os.O_CREAT)) == errno.EACCES
    assert behind_the_wall(lambda: os.listdir(tmp_path)) == errno.EACCES
    assert not (tmp_path / "new").exists()


@needs_landlock
def test_no_tcp_port_is_reached() -> None:
    if landlock.abi() < 4:
        pytest.skip("this kernel's Landlock does not know TCP")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert behind_the_wall(lambda: socket.create_connection(("127.0.0.1", port))) == (
            errno.EACCES
        )


@needs_landlock
def test_nobody_outside_is_signalled() -> None:
    if landlock.abi() < 6:
        pytest.skip("this kernel's Landlock does not know signals")
    parent = os.getpid()
    assert behind_the_wall(lambda: os.kill(parent, 0)) == errno.EPERM


@pytest.mark.parametrize(("version", "size"), [(1, 8), (3, 8), (4, 16), (6, 24), (7, 24)])
def test_older_kernels_are_asked_only_for_what_they_know(
    monkeypatch: pytest.MonkeyPatch, version: int, size: int
) -> None:
    asked = []

    def note(_: int, attributes: bytes, length, flags) -> int:
        asked.append((attributes, length.value))
        return os.open("/", os.O_RDONLY)

    monkeypatch.setattr(landlock.kernel, "syscall", note)
    os.close(landlock.empty_ruleset(version))
    (attributes, length) = asked[0]
    files, network, scope = (int.from_bytes(attributes[k : k + 8], "little") for k in (0, 8, 16))
    assert length == size
    assert files.bit_length() == {1: 13, 3: 15, 4: 15, 6: 16, 7: 16}[version]
    assert bool(network) == (version >= 4)
    assert bool(scope) == (version >= 6)
