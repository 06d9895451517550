"""Browser assets are copied out of wheels only when every checksum agrees."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tools import vendor
from tools.vendor import Asset, VendorError, install, read_lock, sha256

CODE = b"var chart = 1;"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one wheel in it, made for the test."""
    folder = tmp_path / "shop"
    folder.mkdir()
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/chart.js", CODE)
    return folder


@pytest.fixture
def chart(shop: Path) -> Asset:
    wheel = next(shop.glob("*.whl"))
    return Asset(
        wheel="carrier",
        version="1.0",
        wheel_sha256=sha256(wheel.read_bytes()),
        member="carrier/chart.js",
        to="chart.js",
        sha256=sha256(CODE),
        project="Chart 1.0",
        licence="MIT",
        notice="Copyright (c) its author",
    )


def fetch_from(shop: Path):
    def fetch(assets: list[Asset], folder: Path) -> None:
        for wheel in shop.glob("*.whl"):
            (folder / wheel.name).write_bytes(wheel.read_bytes())

    return fetch


def never(assets: list[Asset], folder: Path) -> None:
    raise AssertionError("nothing had to be fetched")


def test_an_asset_is_copied_out_of_its_wheel(shop: Path, chart: Asset, tmp_path: Path) -> None:
    assert install([chart], tmp_path / "vendor", fetch=fetch_from(shop))
    assert (tmp_path / "vendor/chart.js").read_bytes() == CODE


def test_nothing_is_fetched_when_all_is_in_place(shop: Path, chart: Asset, tmp_path: Path) -> None:
    install([chart], tmp_path / "vendor", fetch=fetch_from(shop))
    assert not install([chart], tmp_path / "vendor", fetch=never)


def test_a_damaged_asset_is_put_right(shop: Path, chart: Asset, tmp_path: Path) -> None:
    install([chart], tmp_path / "vendor", fetch=fetch_from(shop))
    (tmp_path / "vendor/chart.js").write_bytes(b"var chart = 2;")
    assert install([chart], tmp_path / "vendor", fetch=fetch_from(shop))
    assert (tmp_path / "vendor/chart.js").read_bytes() == CODE


def test_a_wheel_with_another_checksum_is_refused(shop: Path, chart: Asset, tmp_path: Path) -> None:
    other = replace(chart, wheel_sha256=sha256(b"another wheel"))
    with pytest.raises(VendorError, match="not the wheel that the lock names"):
        install([other], tmp_path / "vendor", fetch=fetch_from(shop))


def test_a_member_with_another_checksum_is_refused(
    shop: Path, chart: Asset, tmp_path: Path
) -> None:
    other = replace(chart, sha256=sha256(b"another file"))
    with pytest.raises(VendorError, match="not the file that the lock names"):
        install([other], tmp_path / "vendor", fetch=fetch_from(shop))
    assert not (tmp_path / "vendor/chart.js").exists()


def test_a_file_that_the_lock_no_longer_names_goes(
    shop: Path, chart: Asset, tmp_path: Path
) -> None:
    folder = tmp_path / "vendor"
    folder.mkdir()
    (folder / "old.js").write_text("var old;")
    install([chart], folder, fetch=fetch_from(shop))
    assert sorted(path.name for path in folder.iterdir()) == ["NOTICES.txt", "chart.js"]


def test_the_notices_name_project_licence_and_owner(
    shop: Path, chart: Asset, tmp_path: Path
) -> None:
    install([chart], tmp_path / "vendor", fetch=fetch_from(shop))
    text = (tmp_path / "vendor/NOTICES.txt").read_text()
    assert "chart.js: Chart 1.0\nCopyright (c) its author\nMIT\n" in text


def test_the_lock_names_htmx_and_the_charts() -> None:
    assert [asset.to for asset in read_lock(vendor.LOCK)] == [
        "htmx.min.js",
        "lightweight-charts.js",
    ]


def test_the_lock_is_read_in_its_order(tmp_path: Path) -> None:
    file = {"member": "m", "sha256": "b", "project": "p", "licence": "l", "notice": "n"}
    wheel = {
        "name": "carrier",
        "version": "1.0",
        "sha256": "a",
        "files": [{"to": "z.js", **file}, {"to": "a.js", **file}],
    }
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"wheels": [wheel]}))
    assert [(asset.to, asset.wheel_sha256) for asset in read_lock(lock)] == [
        ("z.js", "a"),
        ("a.js", "a"),
    ]
