from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.__main__ import main
from server.settings import Settings, load_settings
from server.storage import private_files
from server.storage.private_files import make_private, tighten


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes_below(path: Path) -> set[int]:
    return {mode(found) for found in path.rglob("*")}


def test_what_is_made_from_now_on_is_nobody_elses(tmp_path: Path) -> None:
    make_private()
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    assert (mode(tmp_path / "folder"), mode(tmp_path / "file")) == (0o700, 0o600)


def test_every_command_makes_private_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(tmp_path / "results"))
    assert main(["user", "list"]) == 0
    assert mode(tmp_path / "results") == 0o700
    assert mode(tmp_path / "results" / "sandtable.db") == 0o600


def test_what_an_earlier_version_left_open_is_closed(settings: Settings) -> None:
    results = settings.results_directory
    run = results / "backtests" / "bt_1"
    run.mkdir(parents=True)
    for path in (run / "log.txt", results / "secret.key", settings.database):
        path.write_text("x")
        path.chmod(0o644)
    wal = settings.database.with_name("sandtable.db-wal")
    wal.write_text("x")
    for folder in (results, *[path for path in results.rglob("*") if path.is_dir()]):
        folder.chmod(0o755)
    walker = tighten(settings)
    assert (mode(results), mode(settings.database), mode(wal)) == (0o700, 0o600, 0o600)
    assert walker is not None
    walker.join()
    assert modes_below(results) == {0o700, 0o600}
    # Closed once, the folder is not walked again.
    assert tighten(settings) is None


def test_a_folder_of_everybodys_is_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    made = load_settings(_env_file=None, results_directory=shared, database=shared / "a.db")
    (shared / "a.db").write_text("x")
    tighten(made)
    assert (mode(shared), mode(shared / "a.db")) == (0o1777, 0o600)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("x")
    target.chmod(0o644)
    (tmp_path / "link").symlink_to(target)
    assert not private_files._close(tmp_path / "link")
    assert mode(target) == 0o644
