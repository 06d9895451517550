"""Guards the rooms: a module imports only from its own room and from those above it.

The order of each list is the order in which the rooms can be read: a room knows those before it
and nothing of those behind. A circle between two rooms is therefore impossible.
"""

from __future__ import annotations

import pytest

from tests.test_house import imports, modules, path_of

# "" is the package's own folder: words that everybody uses.
ROOMS = {
    "engine": ("", "history", "account", "analysis", "run", "research"),
    "sandbox": ("", "crossing", "locks", "language", "runtime", "child", "outside"),
    "server": (
        "",
        "examples",
        "storage",
        "accounts",
        "charts",
        "strategies",
        "honesty",
        "ingest",
        "backtests",
        "jobs",
        "commands",
        "api",
        "pages",
        "web",
    ),
}
# Pages are made of parts; the rest of the pages are peers, each for one noun.
# What stands at the front of a package and reaches into all of it.
DOORS = {"engine", "sandbox.client", "server.services", "server.__main__"}


def room_of(module: str) -> tuple[str, str]:
    """(package, room) of a module; the room is "" in the package's own folder."""
    package, *rest = module.split(".")
    is_folder = path_of(module).name == "__init__.py"
    return package, rest[0] if len(rest) > 1 or (rest and is_folder) else ""


@pytest.mark.parametrize("module", [m for m in modules() if m not in DOORS])
def test_a_room_imports_only_rooms_above_it(module: str) -> None:
    package, room = room_of(module)
    rooms = ROOMS[package]
    inside = {name for name in imports(module) if name.split(".")[0] == package} - DOORS
    below = {name for name in inside if rooms.index(room_of(name)[1]) > rooms.index(room)}
    assert below == set()


@pytest.mark.parametrize("module", [m for m in modules() if m.startswith("server.pages.")])
def test_pages_are_made_of_parts_and_parts_of_no_page(module: str) -> None:
    folder = module.split(".")[2] if len(module.split(".")) > 3 else ""
    if folder != "parts":
        return
    outer = {name for name in imports(module) if name.startswith("server.pages.")}
    assert {name for name in outer if not name.startswith("server.pages.parts")} == set()


@pytest.mark.parametrize("package", sorted(ROOMS))
def test_every_folder_is_a_room_with_a_story(package: str) -> None:
    folders = {room_of(name)[1] for name in modules() if name.split(".")[0] == package}
    assert folders == set(ROOMS[package])
    for room in folders - {""}:
        text = path_of(f"{package}.{room}").read_text(encoding="utf-8")
        assert text.startswith('"""')


def test_no_two_modules_import_each_other() -> None:
    known = {name: set(imports(name)) for name in modules()}
    circles = {
        tuple(sorted((one, other)))
        for one, others in known.items()
        for other in others
        if one != other and one in known.get(other, ()) and not {one, other} & DOORS
    }
    assert circles == set()
