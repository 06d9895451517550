"""BacktestResults: a ledger turned into series, round trips, figures and the bytes of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from engine.account.records import ACTIONS, PHASES, REASONS, SIDES, Ledger
from engine.analysis.accounting import PORTFOLIO_NAMES, PortfolioColumns, portfolio_columns
from engine.analysis.csv_text import CHUNK_ROWS, Column, Texts, Words, csv_chunks
from engine.analysis.metrics import Metrics, compute_metrics, drawdowns, monthly_returns
from engine.analysis.order_table import named, order_table
from engine.analysis.result_warnings import result_warnings
from engine.analysis.round_trips import ROUND_TRIP_NAMES, RoundTripColumns, round_trip_columns
from engine.bars import Bars
from engine.config import BacktestConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class BacktestResults:
    """What a backtest came to. Series are computed once, by `build`; the rest when asked for.

    `trades`, `portfolio`, `round_trips` and `orders` are DataFrames with the columns of their
    CSV files, times in ms; `metrics` is the content of metrics.json.
    """

    config: BacktestConfig
    bars: Bars
    ledger: Ledger
    columns: PortfolioColumns
    round_trip_columns: RoundTripColumns
    metrics: Metrics

    @classmethod
    def build(
        cls, config: BacktestConfig, bars: Bars, ledger: Ledger, duration_seconds: float
    ) -> BacktestResults:
        """Compute everything from what was recorded. Raises CalculationError (accounting)."""
        columns = portfolio_columns(ledger, bars)
        return cls(
            config=config,
            bars=bars,
            ledger=ledger,
            columns=columns,
            round_trip_columns=round_trip_columns(ledger, bars),
            metrics=compute_metrics(bars, ledger, columns, duration_seconds),
        )

    @cached_property
    def trades(self) -> pd.DataFrame:
        return _frame(self.tables()["trades"])

    @cached_property
    def portfolio(self) -> pd.DataFrame:
        return _frame(self.tables()["portfolio"])

    @cached_property
    def round_trips(self) -> pd.DataFrame:
        return _frame(self.tables()["round_trips"])

    @cached_property
    def orders(self) -> pd.DataFrame:
        return _frame(self.tables()["orders"])

    @property
    def plots(self) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """The strategy's own lines: name -> (times in ms, values)."""
        return self.ledger.plots

    @cached_property
    def drawdowns(self) -> list[dict[str, Any]]:
        """The ten deepest drawdowns (`metrics.drawdowns`)."""
        return drawdowns(self.bars, self.columns.portfolio_value, self.ledger.initial_capital)

    @cached_property
    def monthly_returns(self) -> list[dict[str, Any]]:
        columns = self.columns
        return monthly_returns(
            columns.timestamp, columns.portfolio_value, self.ledger.initial_capital
        )

    @cached_property
    def warnings(self) -> list[dict[str, Any]]:
        """What the result must be warned of (`result_warnings`)."""
        return result_warnings(self.config, self.bars, self.ledger)

    @property
    def open_position(self) -> float:
        """The signed size that is still held after the last bar; 0 when flat."""
        sizes = self.columns.position_size
        return float(sizes[-1]) if len(sizes) else 0.0

    @property
    def rejected_orders(self) -> dict[str, Any]:
        """`count`, and `first`: the earliest with time, action, amount and reason."""
        first = [
            {
                "timestamp": item.timestamp,
                "action": item.action,
                "amount": item.amount if np.isfinite(item.amount) else None,
                "reason": item.reason,
            }
            for item in self.ledger.rejected_first
        ]
        return {"count": self.ledger.rejected_count, "first": first}

    def files(self) -> dict[str, Iterator[bytes]]:
        """The files that are a function of the ledger: name -> content in pieces, read once.

        Pieces keep the memory of a long run's files bounded; join them for the whole.
        """
        return {
            **{
                f"{name}.csv": csv_chunks(list(table), list(table.values()))
                for name, table in self.tables().items()
            },
            "metrics.json": iter((orjson.dumps(self.metrics, option=orjson.OPT_INDENT_2),)),
            "plots.json": _plot_chunks(self.plots),
        }

    def tables(self) -> dict[str, dict[str, Column]]:
        """The CSV files as columns: table name -> column name -> numbers or words, in order."""
        return {
            "trades": self._trade_table(),
            "portfolio": self._portfolio_table(),
            "round_trips": self._round_trip_table(),
            "orders": self._order_table(),
        }

    def _portfolio_table(self) -> dict[str, Column]:
        return {name: getattr(self.columns, name) for name in PORTFOLIO_NAMES}

    def _trade_table(self) -> dict[str, Column]:
        rows = self.ledger.trades
        return {
            "timestamp": self.bars.timestamp[rows["bar"]],
            "action": Words(rows["action"], ACTIONS),
            "symbol": self._symbols(len(rows)),
            "quantity": rows["quantity"],
            "price": rows["price"],
            # Of a position whose margin funding has eaten there is none: blank, not infinite.
            "leverage": np.where(np.isfinite(rows["leverage"]), rows["leverage"], np.nan),
            "fee": rows["fee"],
            "position_type": Words(rows["side"], SIDES),
            "pnl": rows["pnl"],
            "reason": Words(rows["reason"], REASONS),
            "phase": Words(rows["phase"], PHASES),
            "tag": self._tags(rows["order"]),
        }

    def _round_trip_table(self) -> dict[str, Column]:
        columns = self.round_trip_columns
        table: dict[str, Column] = {name: getattr(columns, name) for name in ROUND_TRIP_NAMES}
        table["position_type"] = Words(columns.position_type, SIDES)
        table["exit_reason"] = Words(columns.exit_reason, REASONS)
        fees, funding = table.pop("fees"), table.pop("funding")
        table["symbol"] = self._symbols(len(columns))
        table["tag"] = self._tags(self.ledger.trades["order"][columns.opened])
        return table | {"fees": fees, "funding": funding}

    def _order_table(self) -> dict[str, Column]:
        return order_table(self.ledger, self.bars)

    def _symbols(self, count: int) -> Words:
        return Words(np.zeros(count, np.uint8), (self.bars.symbol,))

    def _tags(self, calls: npt.NDArray[np.int32]) -> Words:
        """The tags of order calls by their numbers; -1 is none, and has none."""
        numbers = np.append(self.ledger.orders["tag"], np.int32(0))[calls]
        return named(self.ledger, numbers)


def _frame(table: dict[str, Column]) -> pd.DataFrame:
    # Imported here because a service that never makes a frame need not pay for pandas.
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, column in table.items():
        if isinstance(column, Words):
            columns[name] = np.array(column.words, dtype=object)[column.codes]
        elif isinstance(column, Texts):
            columns[name] = list(column.texts)
        else:
            columns[name] = column.copy()  # a caller may change a frame, never the ledger
    return pd.DataFrame(columns)


def _plot_chunks(
    plots: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]],
) -> Iterator[bytes]:
    """`{name: [[timestamp, value]]}` in pieces; a value that is no finite number is null."""
    lead = b"{"
    for name, (timestamp, value) in plots.items():
        yield lead + orjson.dumps(name) + b":["
        lead = b","
        for start in range(0, len(timestamp), CHUNK_ROWS):
            stop = start + CHUNK_ROWS
            pairs = zip(timestamp[start:stop].tolist(), value[start:stop].tolist(), strict=True)
            yield (b"," if start else b"") + orjson.dumps(list(pairs))[1:-1]
        yield b"]"
    yield b"}" if plots else b"{}"
