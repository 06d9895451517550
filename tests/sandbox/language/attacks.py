"""Attacks on the language layer: `== name` and the code, in the text files of `attacks/`.

Code in `*.body.txt` runs inside a method of the strategy (`self`, `data`, `df`, `arr` at hand), in
`*.top.txt` at the top of the file, in `*.early.txt` inside `initialize`. Code that gets what it
must not have prints PWNED; everything else that it might do is observed by the room.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "attacks"

# These do nothing even under plain Python, for the engine, numpy or Python itself refuses them, or
# they are aimed at the sandbox's own hooks. They are tried because a change elsewhere could give
# them teeth.
TOOTHLESS = frozenset((FOLDER / "toothless.txt").read_text().split())


def tables(where: str) -> dict[str, str]:
    """Name -> code of every attack that runs at `where`: body, top or early."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob(f"*.{where}.txt")):
        for name, code in read_table(path).items():
            if name in found:
                raise ValueError(f"two attacks are named {name}")
            found[name] = code
    return found


def read_table(path: Path) -> dict[str, str]:
    """Name -> text of a file in which each text follows a line `== name`."""
    blocks = path.read_text(encoding="utf-8").split("\n== ")[1:]
    pairs = [block.partition("\n") for block in blocks]
    return {name: text.strip("\n") for name, _, text in pairs}


BODY, TOP, EARLY = tables("body"), tables("top"), tables("early")
