"""Fills the git-ignored static/vendor with the browser assets that vendor.lock.json names.

Nothing third-party is in git and nothing comes from a CDN: each asset travels inside a wheel of
the Python package index. pip fetches the wheel against its sha256; the one member that is wanted is
copied out against a sha256 of its own, which is that of the project's own release. So a carrier
that is withdrawn can be replaced by any other that holds the same bytes.

Standard library and pip only. Run by make, with the environment's Python, from anywhere.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tools" / "vendor.lock.json"
VENDOR = ROOT / "static" / "vendor"
NOTICES = "NOTICES.txt"


class VendorError(Exception):
    """An asset that could not be had, or is not the one that the lock names."""


@dataclass(frozen=True)
class Asset:
    """One file in static/vendor and the wheel that carries it."""

    wheel: str
    version: str
    wheel_sha256: str
    member: str
    to: str
    sha256: str
    project: str
    licence: str
    notice: str


def main() -> int:
    """Returns 0 when every asset is in place, 1 with one sentence on stderr otherwise."""
    try:
        assets = read_lock(LOCK)
        if install(assets, VENDOR, fetch=download):
            print(f"Put {' and '.join(a.project for a in assets)} into static/vendor", flush=True)
    except VendorError as error:
        print(f"The browser assets could not be set up: {error}", file=sys.stderr)
        return 1
    return 0


def read_lock(path: Path) -> list[Asset]:
    """Returns the assets of the lock file, in its order."""
    return [
        Asset(wheel=wheel["name"], version=wheel["version"], wheel_sha256=wheel["sha256"], **file)
        for wheel in json.loads(path.read_text(encoding="utf-8"))["wheels"]
        for file in wheel["files"]
    ]


def install(
    assets: list[Asset], vendor: Path, *, fetch: Callable[[list[Asset], Path], None]
) -> bool:
    """Returns whether anything had to be fetched.

    `fetch(assets, folder)` puts their wheels into the folder. Files appear whole or not at all,
    and files that the lock no longer names are removed.
    """
    changed = not all(is_in_place(asset, vendor) for asset in assets)
    vendor.mkdir(parents=True, exist_ok=True)
    if changed:
        with tempfile.TemporaryDirectory() as folder:
            fetch(assets, Path(folder))
            for asset in assets:
                write_whole(vendor / asset.to, take_out(asset, Path(folder)))
    write_whole(vendor / NOTICES, notices(assets).encode())
    kept = {NOTICES, *(asset.to for asset in assets)}
    for path in vendor.iterdir():
        if path.name not in kept:
            path.unlink()
    return changed


def is_in_place(asset: Asset, vendor: Path) -> bool:
    path = vendor / asset.to
    return path.is_file() and sha256(path.read_bytes()) == asset.sha256


def download(assets: list[Asset], folder: Path) -> None:
    """Has pip put the wheels of the assets into `folder`, each checked against its sha256."""
    pins = {f"{a.wheel}=={a.version} --hash=sha256:{a.wheel_sha256}\n" for a in assets}
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(sorted(pins)), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder)]
    done = subprocess.run([*command, "-r", str(requirements)], check=False)
    if done.returncode != 0:
        raise VendorError("pip could not fetch them; see its message above, then run make again")


def take_out(asset: Asset, folder: Path) -> bytes:
    """Returns the asset's bytes from its wheel in `folder`, or raises `VendorError`."""
    for wheel in folder.glob("*.whl"):
        if sha256(wheel.read_bytes()) == asset.wheel_sha256:
            break
    else:
        raise VendorError(f"{asset.wheel} {asset.version} is not the wheel that the lock names")
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(asset.member)
    if sha256(data) != asset.sha256:
        raise VendorError(f"{asset.member} of {asset.wheel} is not the file that the lock names")
    return data


def notices(assets: list[Asset]) -> str:
    """Returns what the licences ask to be said beside the files."""
    lines = ["These files are the work of others, unchanged, under their own licences.\n"]
    lines += [f"{a.to}: {a.project}\n{a.notice}\n{a.licence}\n" for a in assets]
    return "\n".join(lines)


def write_whole(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
