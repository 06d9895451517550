"""Builds the compiled core of the engine, where there is a C compiler; without one says so.

    python tools/compile_engine.py

Each module of `engine.compiled.MODULES` becomes an extension of the same name, by Cython and the
types in its `.pxd` file. Nothing of the numbers may change: no fast-math, no fused multiply-add.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

ENGINE = Path(__file__).resolve().parents[1] / "engine"


def load(path: str) -> ModuleType:
    """A module of the engine by itself: the package would import all of it, compiled or not."""
    name = path.replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, ENGINE / f"{path}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compiled, codes = load("compiled"), load("account/codes")
FLAGS = ["-O2", "-ffp-contract=off", "-fno-strict-aliasing", "-w"]
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,  # types come from the .pxd files alone
    "auto_pickle": False,
    # Rows are written where Table.add made room for them, bars are read inside the chunk.
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    # An object whose fields were never set raises AttributeError and is not read behind None.
    "nonecheck": True,
}


def main() -> int:
    """Returns 0 in any case: an engine that runs as plain Python is slower, not wrong."""
    target = compiled.folder()
    if target.exists():
        return 0
    missing = what_is_missing()
    if not missing:
        try:
            install(target)
            return 0
        except Exception as error:
            missing = f"{type(error).__name__}: {error!s:.300}"
    print(
        f"The engine's core was not compiled ({missing}). Sandtable works without, at about half "
        "the speed. For all of it install a C compiler and Python's headers (Debian, Ubuntu: "
        "apt-get install gcc python3-dev; Fedora: dnf install gcc python3-devel) and run "
        "make setup again.",
        file=sys.stderr,
    )
    return 0


def what_is_missing() -> str:
    """What this machine lacks for compiling, "" when nothing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"no C compiler: {compiler} is not installed"
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return "Python's headers (Python.h) are not installed"
    return ""


def install(target: Path) -> None:
    """Build the extensions and put them, whole or not at all, where the engine looks for them."""
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        built = build(Path(scratch))
        aside = Path(tempfile.mkdtemp(dir=target.parent))
        for extension in built:
            room = aside / extension.parent.name
            room.mkdir(exist_ok=True)
            shutil.copy2(extension, room)
    aside.chmod(0o755)
    for old in target.parent.iterdir():
        if old != aside:
            shutil.rmtree(old, ignore_errors=True)
    aside.rename(target)


def build(scratch: Path) -> list[Path]:
    """Compile copies of the modules below `scratch`; returns the extensions' files."""
    package = scratch / "engine"
    for room in {name.split(".")[0] for name in compiled.MODULES}:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name in (*compiled.ALSO_READ, *compiled.MODULES):
        for ending in (".py", ".pxd"):
            source = compiled.source_of(name, ending)
            if source.exists() and not (ending == ".py" and name in compiled.ALSO_READ):
                shutil.copy2(source, package / name.split(".")[0])
    (package / "account" / "codes.pxd").write_text(enum_of(codes))
    here = os.getcwd()
    os.chdir(scratch)
    try:
        return compile_all()
    finally:
        os.chdir(here)


def compile_all() -> list[Path]:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extensions = cythonize(
        [
            Extension(
                f"engine.{name}",
                [f"engine/{name.replace('.', '/')}.py"],
                extra_compile_args=FLAGS,
            )
            for name in compiled.MODULES
        ],
        compiler_directives=DIRECTIVES,
        quiet=True,
    )
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = "built", "objects"
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()
    return [Path(name).resolve() for name in command.get_outputs()]


def enum_of(module: ModuleType) -> str:
    """The whole-number constants of a module as a C enum."""
    whole = {name: value for name, value in vars(module).items() if type(value) is int}
    return "cdef enum:\n" + "".join(f"    {name} = {value}\n" for name, value in whole.items())


if __name__ == "__main__":
    sys.exit(main())
