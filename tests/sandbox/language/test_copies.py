"""Whatever a strategy holds, through everything that copies: no object without its fields."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest

from sandbox.language.names import DENIED, GUARDED, INTERNALS
from tests.sandbox.language.reachable import facade_values, public_names, samples
from tests.sandbox.language.room import effects, full_source

HELD = {
    "bar": "data",
    "column": "self.bars.close",
    "times": "self.bars.timestamp",
    "bars": "self.bars",
    "portfolio": "self.portfolio",
    "portfolio_history": "self.portfolio.portfolio_history",
    "strategy": "self",
    "method": "self.buy",
    "builtin": "getattr",
    "facade_method": "copy.deepcopy",
}
DATA_CLASS = "@dataclasses.dataclass\nclass P:\n    x: object = None\n"
# Lines that leave in `y` what became of `x`.
WAYS = {
    "frame_attrs": "df.attrs['x'] = x\ny = df.copy().attrs['x']",
    "frame_attrs_by_head": "df.attrs['x'] = x\ny = df.head(1).attrs['x']",
    "series_attrs": "s = df['a']\ns.attrs['x'] = x\ny = s.abs().attrs['x']",
    "concat_attrs": "df.attrs['x'] = x\ny = pd.concat([df, df]).attrs['x']",
    "partial": "df.attrs['x'] = functools.partial(print, x)\ny = df.copy().attrs['x'].args[0]",
    "own_object": (
        "class Own: pass\no = Own()\no.x = x\ndf.attrs['x'] = o\ny = df.copy().attrs['x'].x"
    ),
    "array": (
        "a = np.zeros(1, dtype=object)\na[0] = x\ndf.attrs['x'] = a\ny = df.copy().attrs['x'][0]"
    ),
    "map": "df.attrs['x'] = map(lambda v: v, [x])\ny = next(df.copy().attrs['x'])",
    "chain": "df.attrs['x'] = itertools.chain([x])\ny = next(df.copy().attrs['x'])",
    "tee_in_attrs": "df.attrs['x'] = itertools.tee([x])[0]\ny = next(df.copy().attrs['x'])",
    "repeat": "df.attrs['x'] = itertools.repeat(x)\ny = next(df.copy().attrs['x'])",
    "deque": "df.attrs['x'] = collections.deque([x])\ny = df.copy().attrs['x'][0]",
    "chainmap": "df.attrs['x'] = collections.ChainMap({'k': x})\ny = df.copy().attrs['x']['k']",
    "simple_namespace": (
        "import types\ndf.attrs['x'] = types.SimpleNamespace(v=x)\ny = df.copy().attrs['x'].v"
    ),
    "iterator": "df.attrs['x'] = iter([x])\ny = next(df.copy().attrs['x'])",
    "copy": "y = copy.copy(x)",
    "deepcopy": "y = copy.deepcopy(x)",
    "deepcopy_of_a_list": "y = copy.deepcopy([x])[0]",
    "deepcopy_of_an_array": "a = np.zeros(1, dtype=object)\na[0] = x\ny = copy.deepcopy(a)[0]",
    "replace": DATA_CLASS + "y = dataclasses.replace(P(x)).x",
    "asdict": DATA_CLASS + "y = dataclasses.asdict(P(x))['x']",
    "astuple": DATA_CLASS + "y = dataclasses.astuple(P(x))[0]",
    "array_copy": "a = np.zeros(1, dtype=object)\na[0] = x\ny = a.copy()[0]",
    "frame_copy": "f = pd.DataFrame({'x': [[x]]})\ny = f.copy(deep=True)['x'].iloc[0][0]",
    "tee": "y = next(itertools.tee([x])[1])",
    "named_tuple": "P = collections.namedtuple('P', 'x')\ny = P(x)._replace(x=x).x",
    "groupby": "df.attrs['x'] = x\ny = df.groupby('b').sum().attrs.get('x', x)",
    "merge": "df.attrs['x'] = x\ny = df.merge(df, on='b').attrs.get('x', x)",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HELD)
def test_what_a_strategy_holds_comes_out_itself_or_not_at_all(
    name: str, way: str, tmp_path: Path
) -> None:
    same = "y == x" if name.endswith("method") else "y is x"
    code = (
        f"x = {HELD[name]}\n{WAYS[way]}\nif not ({same}): print('PWNED', type(y).__name__, len(y))"
    )
    seen, raised = effects(full_source("", "", code, folder=tmp_path), tmp_path)
    assert seen == []
    assert raised is None or "cannot be copied" in str(raised), raised


def test_no_copy_of_anything_reachable_is_an_object_of_ours_of_its_own() -> None:
    """Each thing that a strategy can hold, copied by the libraries: ours come out themselves."""
    for thing in [*samples(), *facade_values()]:
        for made in _copies(thing):
            module = type(made).__module__.partition(".")[0]
            ours = module in ("engine", "sandbox") and not isinstance(made, BaseException)
            assert not ours or made is thing or _is_plain(made), thing


def _copies(thing: Any) -> list[Any]:
    made = []
    for way in (copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))):
        try:
            with warnings.catch_warnings(action="ignore"):
                made.append(way(thing))
        except Exception:
            continue
    return made


def _is_plain(made: Any) -> bool:
    """Whether the object has no fields to lack, or all of those that its class sets."""
    return not getattr(type(made), "__slots__", ("?",)) or bool(vars(made))


def test_no_attribute_lends_a_dict_behind_a_read_only_view() -> None:
    """What a mappingproxy is compared with is handed the dict itself."""
    lent = set()
    for thing in [*samples(), *facade_values()]:
        if isinstance(thing, ModuleType):
            continue
        kind = thing if isinstance(thing, type) else type(thing)
        for name in public_names(kind) - DENIED - GUARDED - INTERNALS:
            try:
                with warnings.catch_warnings(action="ignore"):
                    value = getattr(thing, name)
            except Exception:
                continue
            if isinstance(value, MappingProxyType):
                lent.add(f"{kind.__name__}.{name}")
    assert lent == set()


def test_a_data_class_shows_its_metadata(tmp_path: Path) -> None:
    code = (
        "@dataclasses.dataclass\nclass P:\n"
        "    x: int = dataclasses.field(default=1, metadata={'unit': 's'})\n"
        "print(dataclasses.fields(P)[0].metadata['unit'])\n"
        "class Own:\n    def __init__(self): self.metadata = [1]\n"
        "print(Own().metadata)"
    )
    assert effects(full_source("", "", code, folder=tmp_path), tmp_path) == ([], None)
