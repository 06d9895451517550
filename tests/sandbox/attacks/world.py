"""Canaries for hostile programs: files, sockets and a process, and whether they came to harm."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]


class World:
    """Everything belongs to `user_id`, so that only the room can be what protects it."""

    def __init__(self, user_id: int | None = None, *, hardy_victim: bool = False) -> None:
        self.user_id = os.getuid() if user_id is None else user_id
        self.token = f"canary-{secrets.token_hex(8)}"
        # Not pytest's folder, which lets only its own user in.
        self.root = Path(tempfile.mkdtemp(prefix="sandtable-world-"))
        self._fill_files()
        self._open_sockets()
        self.victim = self._new_victim(hardy_victim)

    def _fill_files(self) -> None:
        results = self.root / "results" / "backtests"
        (results / "bt_20230101_000000_other").mkdir(parents=True)
        directory = self.root / "directory"
        directory.mkdir()
        self.files = {
            "secret": self.root / "secret",
            "database": self.root / "sandtable.db",
            "writable": self.root / "writable",
            "disposable": self.root / "disposable",
            "owned": self.root / "owned",
            "config": results / "bt_20230101_000000_other" / "config.json",
        }
        for path in self.files.values():
            path.write_text(self.token)
            path.chmod(0o666)
        self.files["owned"].chmod(0o640)
        os.utime(self.files["owned"], (1_000_000, 1_000_000))
        (self.root / "link").symlink_to(self.token)
        for path in (self.root, *self.root.rglob("*")):
            if path.is_dir():
                path.chmod(0o777)
            os.lchown(path, self.user_id, self.user_id)

    def _open_sockets(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(self.root / "unix"))
        (self.root / "unix").chmod(0o777)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0{self.token}")
        self._listening = (self.tcp, self.unix, self.abstract)
        for listening in self._listening:
            listening.listen()
            listening.setblocking(False)
        self.udp.setblocking(False)

    def _new_victim(self, hardy: bool) -> subprocess.Popen[bytes]:
        """A process that does nothing and should come to no harm; a hardy one survives a signal."""
        who: dict[str, Any] = {}
        if self.user_id != os.getuid():
            who = {"user": self.user_id, "group": self.user_id, "extra_groups": []}
        command = "trap '' USR1; exec sleep 600" if hardy else "exec sleep 600"
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        where = {"cwd": "/", "start_new_session": True}
        victim = subprocess.Popen(["sh", "-c", command], **where, **quiet, **who)
        while Path(f"/proc/{victim.pid}/comm").read_text() != "sleep\n":
            pass  # for the moment until it has become what it will stay
        return victim

    def canaries(self, *, in_room: bool) -> dict[str, Any]:
        return {
            "token": self.token,
            "project": str(PROJECT),
            "directory": str(self.root / "directory"),
            "results": str(self.root / "results" / "backtests"),
            "link": str(self.root / "link"),
            **{name: str(path) for name, path in self.files.items()},
            "tcp_port": self.tcp.getsockname()[1],
            "udp_port": self.udp.getsockname()[1],
            "unix_path": str(self.root / "unix"),
            "abstract": self.token,
            "victim": self.victim.pid,
            "victim_address": stack_of(self.victim.pid),
            "pipe": 1,
            "in_room": in_room,
            # How long a program waits that should not be let wait.
            "patience": 60.0 if in_room else 0.1,
            "too_long_s": 2.1 if in_room else 0.1,
        }

    def harm(self) -> list[str]:
        """What happened to the canaries, in words; empty when nothing did."""
        found = []
        for name, path in self.files.items():
            if not path.exists() or path.read_text() != self.token:
                found.append(f"{name} is not what it was")
        owned = self.files["owned"]
        if owned.exists():
            state = owned.stat()
            if (state.st_mode & 0o777, state.st_mtime) != (0o640, 1_000_000):
                found.append("the owned file's mode or time is not what it was")
        found += [f"{path} is new" for path in (self.root / "directory").iterdir()]
        for listening in self._listening:
            with contextlib.suppress(BlockingIOError):
                listening.accept()
                found.append(f"somebody connected to {listening.getsockname()!r}")
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(100)
            found.append("somebody sent a datagram")
        if self.victim.poll() is not None:
            found.append("the victim is dead")
        return found

    def close(self) -> None:
        self.victim.kill()
        self.victim.wait()
        for item in (*self._listening, self.udp):
            item.close()
        shutil.rmtree(self.root)


def stack_of(pid: int) -> int:
    """The lowest address of a process's stack."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith("[stack]"):
            return int(line.split("-")[0], 16)
    return 0
