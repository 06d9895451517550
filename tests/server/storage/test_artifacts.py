from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from engine.history import whole_file
from server.storage import artifacts as module
from server.storage.artifacts import (
    INDICATORS,
    NAMES,
    Artifacts,
    OverQuotaError,
    StorageFullError,
    config_document,
    json_bytes,
    new_backtest_id,
    write_files,
)
from tests.ledgers import CONFIG

RUN = "bt_20240131_235959_abcdefgh"
OTHER = "bt_20240131_235959_abcdefg2"


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path)


def left(artifacts: Artifacts) -> list[str]:
    return sorted(os.listdir(artifacts.directory)) if artifacts.directory.exists() else []


def test_an_id_tells_the_second_in_utc_and_eight_random_characters():
    at = datetime(2024, 2, 1, 0, 59, 59, tzinfo=timezone(timedelta(hours=1)))
    assert re.fullmatch(r"bt_20240131_235959_[a-z2-7]{8}", new_backtest_id(at))
    assert re.fullmatch(r"bt_\d{8}_\d{6}_[a-z2-7]{8}", new_backtest_id())


def test_ids_of_one_second_differ():
    now = datetime.now(UTC)
    assert len({new_backtest_id(now) for _ in range(1000)}) == 1000


def test_files_are_stored_and_read_back(artifacts: Artifacts):
    size = artifacts.store(RUN, {"trades.csv": [b"a,b\n", b"1,2\n"], "metrics.json": b'{"x":1}'})
    assert artifacts.read(RUN, "trades.csv") == b"a,b\n1,2\n"
    assert artifacts.read_json(RUN, "metrics.json") == {"x": 1}
    assert artifacts.path(RUN, "trades.csv") == artifacts.directory / RUN / "trades.csv"
    listed = artifacts.directory / RUN / "sizes.json"
    assert json.loads(listed.read_bytes()) == {"trades.csv": 8, "metrics.json": 7}
    assert size == artifacts.size(RUN) == 8 + 7 + listed.stat().st_size
    assert left(artifacts) == [RUN]
    names = ["metrics.json", "sizes.json", "trades.csv"]
    assert sorted(os.listdir(artifacts.directory / RUN)) == names


def test_a_file_that_is_not_there_is_none(artifacts: Artifacts):
    artifacts.store(RUN, {"log.txt": b""})
    assert artifacts.path(RUN, "trades.csv") is None
    assert artifacts.read(RUN, "trades.csv") is None
    assert artifacts.read_json(OTHER, "metrics.json") is None
    assert artifacts.size(OTHER) == 0


@pytest.mark.parametrize("name", ["../secret", "notes.txt", "/etc/passwd", "", ".", "log.txt/"])
def test_only_the_names_of_artifacts_have_a_path(artifacts: Artifacts, name: str):
    artifacts.store(RUN, {"log.txt": b"", "notes.txt": b""})
    assert artifacts.path(RUN, name) is None


def test_indicators_are_found_count_and_are_no_download(artifacts: Artifacts):
    assert artifacts.indicators_path(RUN) is None
    size = artifacts.store(RUN, {"log.txt": b"", INDICATORS: [b"12", b"345"]})
    assert artifacts.indicators_path(RUN) == artifacts.directory / RUN / INDICATORS
    assert artifacts.indicators_path("..") is None
    assert artifacts.path(RUN, INDICATORS) is None
    listed = artifacts.directory / RUN / "sizes.json"
    assert size == artifacts.size(RUN) == 5 + listed.stat().st_size


@pytest.mark.parametrize("backtest_id", ["..", "", "bt_x", f"{RUN}/..", f"../{RUN}", f"{RUN}\n"])
def test_what_is_no_id_has_no_files_and_gets_none(artifacts: Artifacts, backtest_id: str):
    artifacts.store(RUN, {"log.txt": b""})
    assert artifacts.path(backtest_id, "log.txt") is None
    for act in (
        lambda: artifacts.store(backtest_id, {}),
        lambda: artifacts.delete(backtest_id),
        lambda: artifacts.size(backtest_id),
    ):
        with pytest.raises(ValueError, match="not a backtest id"):
            act()
    assert left(artifacts) == [RUN]


def test_a_run_done_over_replaces_its_files_whole(artifacts: Artifacts):
    artifacts.store(RUN, {"trades.csv": b"old", "log.txt": b"old"})
    artifacts.store(RUN, {"trades.csv": b"new"})
    assert artifacts.read(RUN, "trades.csv") == b"new"
    assert artifacts.path(RUN, "log.txt") is None
    assert left(artifacts) == [RUN]


def test_a_content_that_fails_leaves_nothing(artifacts: Artifacts):
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        artifacts.store(RUN, {"log.txt": b"whole", "trades.csv": broken()})
    assert left(artifacts) == []


def test_a_failed_second_try_leaves_the_first_files(artifacts: Artifacts):
    artifacts.store(RUN, {"log.txt": b"first"})

    def broken() -> Iterator[bytes]:
        raise RuntimeError
        yield b""

    with pytest.raises(RuntimeError):
        artifacts.store(RUN, {"log.txt": broken()})
    assert artifacts.read(RUN, "log.txt") == b"first"
    assert left(artifacts) == [RUN]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so_and_leaves_nothing(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, code: int
):
    def full(_: int) -> None:
        raise OSError(code, "full")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StorageFullError, match=f"disk is full.*{RUN}"):
        artifacts.store(RUN, {"log.txt": b"text"})
    assert left(artifacts) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device_says_so(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch):
    opened = open

    def on_a_full_device(path: Path, mode: str, buffering: int):
        opened(path, mode).close()
        return opened("/dev/full", "wb", buffering=buffering)

    monkeypatch.setattr(whole_file, "open", on_a_full_device, raising=False)
    with pytest.raises(StorageFullError):
        artifacts.store(RUN, {"log.txt": b"text"})
    assert left(artifacts) == []


def test_another_failure_of_the_disk_is_not_called_full(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
):
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(module.os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        artifacts.store(RUN, {"log.txt": b"text"})
    assert left(artifacts) == []


def test_nothing_is_in_place_before_it_is_on_the_disk(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    monkeypatch.setattr(
        module.os, "fsync", lambda _: seen.append((artifacts.directory / RUN).exists())
    )
    artifacts.store(RUN, {"log.txt": b"text", "trades.csv": b""})
    # Both files, their sizes and their directory while aside, the directory above after renaming.
    assert seen == [False, False, False, False, True]


def test_deleting_takes_every_file_and_says_whether_there_were_any(artifacts: Artifacts):
    artifacts.store(RUN, {"log.txt": b"text"})
    artifacts.store(OTHER, {"log.txt": b"text"})
    assert artifacts.delete(RUN) is True
    assert artifacts.delete(RUN) is False
    assert left(artifacts) == [OTHER]
    assert list(artifacts.ids()) == [OTHER]


def test_a_start_clears_what_a_crash_left_half_written(artifacts: Artifacts):
    artifacts.store(RUN, {"log.txt": b"text"})
    aside = artifacts._aside(OTHER)
    aside.mkdir()
    (aside / "portfolio.csv").write_bytes(b"half")
    assert list(artifacts.ids()) == [RUN]
    assert artifacts.clean() == 1
    assert left(artifacts) == [RUN]


def test_a_start_before_the_first_run_has_nothing_to_clear(artifacts: Artifacts):
    assert artifacts.clean() == 0
    assert list(artifacts.ids()) == []


def test_files_can_be_written_straight_into_a_directory(tmp_path: Path):
    (tmp_path / "trades.csv").write_bytes(b"old")
    assert write_files(tmp_path, {"trades.csv": b"new", "log.txt": [b"a", b"b"]}) == 5
    assert sorted(os.listdir(tmp_path)) == ["log.txt", "trades.csv"]
    assert (tmp_path / "trades.csv").read_bytes() == b"new"


def test_the_config_document_has_the_effective_fields_and_how_it_went():
    document = config_document(
        CONFIG,
        strategy_code="class A(Strategy): pass",
        backtest_id=RUN,
        status="completed",
        engine_version="1.0",
        created_at=1,
        started_at=2,
        finished_at=3,
        data_quality={"gaps": 0},
        name="first",
    )
    assert set(CONFIG.to_document()) < set(document)
    assert document["name"] == "first"
    assert document["symbol"] == "BTCUSDT"
    assert document["start_date"] == "2024-01-01"
    assert document["error_message"] is None
    assert (document["created_at"], document["finished_at"]) == (1, 3)
    assert document["data_quality"] == {"gaps": 0}


def test_a_json_file_writes_a_number_that_is_none_as_null():
    assert json_bytes({"x": float("nan")}) == b'{\n  "x": null\n}\n'


def test_the_names_are_those_that_the_api_offers():
    assert set(NAMES) == {
        "config.json",
        "orders.csv",
        "trades.csv",
        "portfolio.csv",
        "round_trips.csv",
        "metrics.json",
        "plots.json",
        "log.txt",
    }


def test_files_of_more_than_may_be_are_not_kept(artifacts: Artifacts) -> None:
    # The list of their sizes counts too: {"log.txt": 5, "config.json": 3} on lines of its own.
    listed = len('{\n  "log.txt": 5,\n  "config.json": 3\n}\n')
    files = {"log.txt": b"12345", "config.json": [b"67", b"8"]}
    assert artifacts.store(RUN, files, 8 + listed) == 8 + listed
    with pytest.raises(OverQuotaError, match="more than 7 bytes"):
        artifacts.store(RUN, {"log.txt": b"other", "config.json": [b"67", b"8"]}, 7)
    assert artifacts.read(RUN, "log.txt") == b"12345"
    assert [entry.name for entry in artifacts.directory.iterdir()] == [RUN]


def test_what_was_hidden_by_a_crash_comes_back_while_it_is_wanted(artifacts: Artifacts):
    other = "bt_20240131_235959_abcdefg2"
    for backtest_id in (RUN, other):
        artifacts.store(backtest_id, {"log.txt": b"x"})
        assert artifacts.hide(backtest_id)
        assert artifacts.read(backtest_id, "log.txt") is None
    assert artifacts.clean(lambda backtest_id: backtest_id == RUN) == 2
    assert artifacts.read(RUN, "log.txt") == b"x"
    assert os.listdir(artifacts.directory) == [RUN]


def test_hidden_files_come_back_or_go(artifacts: Artifacts):
    assert not artifacts.hide(RUN)
    artifacts.store(RUN, {"log.txt": b"x"})
    artifacts.hide(RUN)
    artifacts.unhide(RUN)
    assert artifacts.read(RUN, "log.txt") == b"x"
    artifacts.hide(RUN)
    artifacts.remove_hidden(RUN)
    assert os.listdir(artifacts.directory) == []


def test_damage_is_told_file_by_file(artifacts: Artifacts):
    assert artifacts.damage(RUN) == ["they are gone"]
    artifacts.store(RUN, {"log.txt": [b"12", b"34"], "trades.csv": b"x", "plots.json": b"{}"})
    assert artifacts.damage(RUN) == []
    home = artifacts.directory / RUN
    (home / "log.txt").write_bytes(b"123")
    (home / "plots.json").unlink()
    assert artifacts.damage(RUN) == ["log.txt has 3 of 4 bytes", "plots.json is missing"]
    (home / "sizes.json").write_bytes(b"[")
    assert artifacts.damage(RUN) == ["sizes.json cannot be read"]
    # Stored before sizes were.
    (home / "sizes.json").unlink()
    assert artifacts.damage(RUN) == []
