"""numba's decorators leave a function what it is."""

from __future__ import annotations

import pytest

from sandbox.language.compiler import check
from tests.sandbox.runtime.test_small_facades import printed


@pytest.mark.parametrize(
    "mark",
    [
        "@njit", "@njit()", "@jit(nopython=True, cache=True)", "@nb.njit(fastmath=True)",
        "@njit('float64(float64[:], int64)')", "@njit(float64(float64[:], int64))",
        "@jit(nb.types.float64(float64[:], nb.int64), nopython=True)",
        "@jit([float64(float64[:], nb.int64)])",
    ],
)  # fmt: skip
def test_a_compiled_function_gives_what_it_says(mark: str) -> None:
    body = (
        "import numpy as np\nimport numba as nb\n"
        "from numba import njit, jit, float64, int64, prange\n"
        f"{mark}\ndef last_sum(a, n):\n    s = 0.0\n"
        "    for i in prange(len(a) - n, len(a)):\n        s += a[i]\n    return s\n"
        "print(last_sum(np.arange(5.0), 2))"
    )
    assert printed(body) == "7.0\n"


def test_a_function_is_compiled_by_a_call_too() -> None:
    assert printed("from numba import njit\nf = njit(lambda x: x + 1)\nprint(f(1))") == "2\n"


def test_vectorize_works_by_element_and_takes_the_type_of_all() -> None:
    body = (
        "import numpy as np\nfrom numba import vectorize, float64, int64\n"
        "@vectorize\ndef half(x): return 0 if x < 1 else x / 2\n"
        "@vectorize([float64(float64, float64)], nopython=True)\ndef add(x, y): return int(x + y)\n"
        "print(half(np.arange(3)), half(3), add(np.array([[1.0], [2.0]]), 1.5).tolist(), "
        "half(np.array([])), int64(2.7))"
    )
    assert printed(body) == "[0.  0.5 1. ] 1.5 [[2.0], [3.0]] [] 2\n"


def test_a_class_may_be_marked() -> None:
    body = (
        "from numba import int64\nfrom numba.experimental import jitclass\n"
        "@jitclass([('n', int64)])\nclass Counter:\n    def __init__(self):\n        self.n = 3\n"
        "print(Counter().n)"
    )
    assert printed(body) == "3\n"


def test_what_is_not_offered_is_refused() -> None:
    source = "from numba import cuda\nclass S(Strategy):\n    def on_data(self, d): pass\n"
    assert check(source).problems[0].code == "SP132"
