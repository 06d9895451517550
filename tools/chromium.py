"""Prints the path of a Chromium for the browser tests; installs one where it may.

A browser that is there is used: the one that CHROMIUM names, else a usual name on the PATH. Only
when there is none is the system's package manager asked, as root or through a sudo that asks no
password. Where neither helps, one sentence says what to install: the browser tests are part of the
tests and are never left out quietly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
    "headless-shell",
)

# Per package manager: what refreshes its lists (or nothing) and what installs a Chromium.
INSTALLERS: dict[str, tuple[list[str], ...]] = {
    "apt-get": (
        ["apt-get", "update", "--quiet"],
        ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "chromium"],
    ),
    "dnf": (["dnf", "install", "--quiet", "--assumeyes", "chromium"],),
    "apk": (["apk", "add", "--no-progress", "chromium"],),
    "pacman": (["pacman", "--sync", "--refresh", "--noconfirm", "--needed", "chromium"],),
    "zypper": (["zypper", "--non-interactive", "install", "chromium"],),
}

ADVICE = (
    "The browser tests need Chromium: install it (Debian: apt-get install chromium; Fedora: dnf "
    "install chromium; Alpine: apk add chromium; Ubuntu, where that package is only a snap: Google "
    "Chrome) or name one, as in make test CHROMIUM=/path/to/chrome."
)


def main() -> int:
    """Returns 0 after printing a path, 1 after one sentence on stderr."""
    try:
        path = find() or (install() and find())
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if not path:
        print(ADVICE, file=sys.stderr)
        return 1
    print(path)
    return 0


def find() -> str | None:
    """Returns the path of a Chromium that starts, or None.

    Raises `FileNotFoundError` when CHROMIUM names something that does not: whoever set it meant it.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None or not starts(path):
            raise FileNotFoundError(f"CHROMIUM names {named}, which is not a browser that starts.")
        return path
    for name in NAMES:
        path = shutil.which(name)
        if path and starts(path):
            return path
    return None


def starts(path: str) -> bool:
    """Whether it answers --version: Ubuntu's package is a stub that asks for a snap instead."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() != b""


def install() -> bool:
    """Returns whether a package manager was found, allowed and successful; its words on stderr."""
    for manager, commands in INSTALLERS.items():
        if not shutil.which(manager):
            continue
        for prefix in ways_to_root():
            print(f"Installing Chromium for the browser tests with {manager}", file=sys.stderr)
            # A list that cannot be refreshed is no reason not to try with the old one.
            return [run([*prefix, *command]) for command in commands][-1]
    return False


def ways_to_root() -> Iterator[list[str]]:
    """Yields the command prefixes that give root's rights without asking anybody."""
    if os.geteuid() == 0:
        yield []
    elif shutil.which("sudo") and run(["sudo", "--non-interactive", "true"], quiet=True):
        yield ["sudo", "--non-interactive"]


def run(command: list[str], *, quiet: bool = False) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    output = subprocess.DEVNULL if quiet else sys.stderr
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        check=False,
    )
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
