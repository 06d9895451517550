from pathlib import Path

import pytest

from engine.history.whole_file import whole_directory, whole_file


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def failing(path: Path, error: Exception) -> None:
    with whole_file(path) as file:
        file.write(b"x" * 10_000_000)
        raise error


@pytest.mark.parametrize("error", [KeyError(), OSError(28, "No space left on device")])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, error: Exception
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(type(error)):
        failing(path, error)

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_permissions_are_the_umasks_or_those_given(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a", mode=0o640):
        pass

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_directory_appears_when_it_is_whole(tmp_path: Path) -> None:
    with whole_directory(tmp_path / "run") as aside:
        (aside / "a").write_bytes(b"x")
        assert not (tmp_path / "run").exists()

    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["a"]


def test_a_directory_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_directory(tmp_path / "run") as aside:
            (aside / "a").write_bytes(b"x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert names(tmp_path) == []


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as first, whole_file(tmp_path / "a") as second:
        first.write(b"first")
        second.write(b"second")

    assert (tmp_path / "a").read_bytes() == b"first"
