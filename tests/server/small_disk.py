"""A file system of a few megabytes, for tests of what happens when it is full."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from server.settings import PROJECT_ROOT

PIECE = 64 * 1024


class SmallDisk:
    """A file system over `at` that only those see who enter its mount namespace by `entry`.

    Root makes a mount namespace, anybody else a user namespace too. It goes with the process
    that holds it, whatever becomes of the test; where the kernel allows neither, the test is
    skipped with the kernel's own words.
    """

    def __init__(self, at: Path, size_mb: int) -> None:
        self._at = at
        at.mkdir(parents=True, exist_ok=True)
        root = os.geteuid() == 0
        own = ["--mount"] if root else ["--mount", "--user", "--map-current-user", "--keep-caps"]
        mount = 'mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && read -r _'
        try:
            self._holder = subprocess.Popen(
                ["unshare", *own, "sh", "-c", mount, "sh", str(at), f"{size_mb}m"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError:
            pytest.skip("there is no unshare(1) to make a small disk with")
        assert self._holder.stdout is not None
        said = self._holder.stdout.readline()
        if said != b"mounted\n":
            said += self._holder.communicate()[0]
            words = said.decode(errors="replace").strip()
            pytest.skip(f"this kernel lets nobody mount a small disk here: {words}")
        pid = str(self._holder.pid)
        credentials = [] if root else ["--user", "--preserve-credentials"]
        # Entering a mount namespace starts at its root: a working directory is named again.
        self.entry = ["nsenter", "--target", pid, "--mount", *credentials, "--"]
        self.entry += ["env", "--chdir", str(PROJECT_ROOT)]

    @property
    def path(self) -> Path:
        """Where it is for those who are not inside."""
        return Path(f"/proc/{self._holder.pid}/root{self._at}")

    def fill(self) -> None:
        """Take what room there is, to the last byte."""
        with open(self.path / "ballast", "ab", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * PIECE):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give the room back."""
        (self.path / "ballast").unlink()

    def close(self) -> None:
        self._holder.communicate(b"\n")
