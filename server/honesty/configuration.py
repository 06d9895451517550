"""What was tried, as one hash: the fields of a run that make it another try, and its code's tokens.

Dates are no part of it (they are the window beside it), costs neither: the same idea at another
fee is no second chance to find something.
"""

from __future__ import annotations

import hashlib
import io
import tokenize
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

NO_OTHER_TRY = (
    "start_date",
    "end_date",
    "name",
    "fee_rate",
    "maker_fee_rate",
    "slippage_bps",
    "funding",
    "lookahead_check",
    "declared_trials",
)
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
# Where a line ends and a block begins is what the code does; how far it is indented is not.
_STRUCTURE = {tokenize.NEWLINE: "\n", tokenize.INDENT: "{", tokenize.DEDENT: "}"}


def config_hash(config: Mapping[str, Any], source: str, defaults: Mapping[str, Any]) -> str:
    """sha256 of what makes a run another try than the one before.

    `config` are the effective fields without the code; `defaults` the strategy's parameters, which
    stand where `params` has none. Symbols are sorted: their order is a rank and no other market.
    """
    document = {name: value for name, value in config.items() if name not in NO_OTHER_TRY}
    symbols = document.pop("symbols", None) or [document.get("symbol")]
    document.pop("symbol", None)
    document["symbols"] = sorted(symbols)
    document["params"] = filled_in(config.get("params") or {}, defaults)
    document["code"] = tokens_of(source)
    data = orjson.dumps(document, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(data).hexdigest()


def filled_in(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters with the values that they take; an int that serves for a float is one."""
    values = {**defaults, **params}
    return {
        name: float(value)
        if isinstance(defaults.get(name), float) and not isinstance(value, bool)
        else value
        for name, value in values.items()
    }


def tokens_of(source: str) -> list[str]:
    """The Python tokens of the code without comments and layout; its words where it has none.

    Code that does not tokenize never runs to an end, but its words still tell it from other code.
    """
    try:
        found = tokenize.generate_tokens(io.StringIO(source).readline)
        return [
            _STRUCTURE.get(token.type, token.string) for token in found if token.type not in _LAYOUT
        ]
    except (tokenize.TokenError, SyntaxError):
        return source.split()


def words_of(source: str) -> Counter[str]:
    """How often each token stands in the code, without structure: what likeness is judged by."""
    return Counter(text for text in tokens_of(source) if text not in ("\n", "{", "}", ""))
