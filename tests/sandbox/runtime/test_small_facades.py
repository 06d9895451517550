"""What logging, traceback, pprint and display options do in a strategy.

What they must not do is tried in `tests/sandbox/language/attacks`, and that json and the others
mean what they mean in Python in `constructs.txt` there.
"""

from __future__ import annotations

from sandbox.language.compiler import compile_strategy
from sandbox.runtime.loader import load
from tests.sandbox.language.test_constructs import source_of


def printed(body: str) -> str:
    written: list[str] = []
    code = compile_strategy(source_of(body) + "probe()\n")
    load(code, seed=0, now_ms=lambda: 0, write=written.append)
    return "".join(written)


def test_loggers_write_to_the_log_from_their_level_up() -> None:
    assert (
        printed(
            "import logging\n"
            "logging.basicConfig(level=logging.INFO, format='%(message)s', filename='x.log')\n"
            "log = logging.getLogger(__name__)\n"
            "log.debug('unseen')\n"
            "log.info('price %.2f of %s', 1.5, 'BTC')\n"
            "log.warning('%(a)d', {'a': 3})\n"
            "log.error('no %d', 'number')\n"
            "log.setLevel('ERROR')\n"
            "log.info('unseen'); log.critical('last')\n"
            "logging.info('of the root')\n"
            "logging.basicConfig(level=logging.DEBUG); logging.debug('seen')\n"
            "log.addHandler(logging.StreamHandler())\n"
            "print(log.isEnabledFor(logging.INFO), log is logging.getLogger('strategy'), log.name)"
        )
        == "INFO: price 1.50 of BTC\nWARNING: 3\nERROR: no %d number\nCRITICAL: last\n"
        "INFO: of the root\nDEBUG: seen\nFalse True strategy\n"
    )


def test_an_error_that_is_handled_can_be_written_to_the_log() -> None:
    assert (
        printed(
            "import logging, traceback\n"
            "class Own(Exception): pass\n"
            "try:\n    raise Own('that went wrong')\n"
            "except Own:\n"
            "    logging.getLogger().exception('caught')\n"
            "    traceback.print_exc()\n"
            "print(traceback.format_exc())"
        )
        == "ERROR: caught\nOwn: that went wrong\nOwn: that went wrong\nNoneType: None\n\n"
    )


def test_options_of_pandas_and_numpy_are_left_as_they_are() -> None:
    assert (
        printed(
            "import pandas as pd, numpy as np\n"
            "pd.set_option('display.max_rows', 1)\n"
            "pd.options.mode.chained_assignment = None\n"
            "pd.options.display.max_rows = 1\n"
            "np.set_printoptions(precision=1)\n"
            "print(pd.Series([1, 2, 3]).to_list(), np.array([1.25]))"
        )
        == "[1, 2, 3] [1.25]\n"
    )


def test_pprint_writes_to_the_log() -> None:
    assert printed("from pprint import pprint\npprint({'b': 1, 'a': 2})") == "{'a': 2, 'b': 1}\n"
