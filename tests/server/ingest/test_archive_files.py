import io
import stat
import zipfile
from pathlib import Path

import pytest

from engine.errors import DataError
from server.ingest.archive_files import open_sources


def contents(path: Path, max_bytes: int = 10**9) -> dict[str, bytes]:
    with open_sources(path, max_bytes) as sources:
        return {source.name: source.stream.read() for source in sources}


def zip_of(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_a_zip_gives_its_csv_files(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", ("a.csv", b"1"), ("folder/b.csv", b"2"))

    assert contents(path) == {"a.csv": b"1", "b.csv": b"2"}


def test_a_csv_is_its_own_only_source(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2\n")

    assert contents(tmp_path / "a.csv") == {"a.csv": b"1,2\n"}


@pytest.mark.parametrize(
    "name", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "..\\a.csv", "C:a.csv"]
)
def test_a_member_whose_path_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = name

    with pytest.raises(DataError, match="path that leads elsewhere"):
        contents(zip_of(tmp_path / "a.zip", (info, b"1")))


def test_a_member_that_is_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(DataError, match="is a link"):
        contents(zip_of(tmp_path / "a.zip", (info, b"/etc/passwd")))


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", ("a.csv", b"0" * 50_000_000))
    assert path.stat().st_size < 100_000

    with pytest.raises(DataError, match="more than 100 times its size"):
        contents(path)


def test_a_zip_inside_a_zip_is_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "1")

    with pytest.raises(DataError, match="is not a CSV file"):
        contents(zip_of(tmp_path / "a.zip", ("inner.zip", inner.getvalue())))


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_declared(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", ("a.csv", b"1" * 1000))
    packed = bytearray(path.read_bytes())
    for offset in (packed.find(b"PK\x03\x04") + 22, packed.find(b"PK\x01\x02") + 24):
        packed[offset : offset + 4] = (10).to_bytes(4, "little")
    path.write_bytes(packed)

    with pytest.raises(DataError, match="broken zip file"):
        contents(path)


def test_more_than_the_limit_is_not_unpacked(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", ("a.csv", b"ab" * 300), ("b.csv", b"cd" * 300))

    with pytest.raises(DataError, match="unpacks to 1,200 bytes; at most 1,000"):
        contents(path, max_bytes=1000)


def test_a_csv_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1" * 1001)

    with pytest.raises(DataError, match="has 1,001 bytes; at most 1,000"):
        contents(tmp_path / "a.csv", max_bytes=1000)


@pytest.mark.parametrize("kept", [30, 100, 140])
def test_a_truncated_zip_is_broken(tmp_path: Path, kept: int) -> None:
    path = zip_of(tmp_path / "a.zip", ("a.csv", bytes(range(256))))
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(DataError, match="broken zip file"):
        contents(path)


def test_a_changed_byte_is_found_by_the_crc(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", b"price,1")
    path.write_bytes(path.read_bytes().replace(b"price,1", b"price,2", 1))

    with pytest.raises(DataError, match="broken zip file"):
        contents(path)


def test_an_empty_zip_and_a_crowded_one_are_refused(tmp_path: Path) -> None:
    crowd = [(f"{n}.csv", b"1") for n in range(101)]
    with pytest.raises(DataError, match="holds 101 files"):
        contents(zip_of(tmp_path / "crowd.zip", *crowd))
    with pytest.raises(DataError, match="holds 0 files"):
        contents(zip_of(tmp_path / "only_a_folder.zip", ("folder/", b"")))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read: No such file"):
        contents(tmp_path / "gone.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        contents(tmp_path)
