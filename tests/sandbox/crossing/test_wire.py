"""Frames: what our own code writes is read back, and whatever else comes is refused in time."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from engine.account.records import ORDER_DTYPE
from engine.config import (
    MAX_INDICATOR_LINES,
    MAX_INDICATOR_VALUES,
    MAX_PLOT_POINTS,
    MAX_PLOTS,
)
from sandbox.crossing import wire
from sandbox.crossing.wire import Frame, FrameReader, WireError

N_BARS = 1000
HELLO = wire.encode_json(Frame.HELLO, {"seccomp": True})
FUZZ_CASES = 20_000


def orders(*bars: int) -> np.ndarray:
    rows = np.zeros(len(bars), ORDER_DTYPE)
    rows["bar"] = bars
    rows["amount"] = 1.5
    return rows


def final(bars_done: int = 0, n_orders: int = 0, points: int = 0, digest: bytes = b"") -> bytes:
    return wire.encode(Frame.FINAL, wire.FINAL.pack(bars_done, n_orders, points) + digest)


def whole_run() -> bytes:
    """One of every frame that a run sends."""
    times, values = np.arange(3, dtype=np.int64), np.array([1.0, 2.0, 3.0])
    return b"".join(
        [
            HELLO,
            wire.encode(Frame.PROGRESS, wire.PROGRESS.pack(10, 10_000.0, 0)),
            *wire.encode_orders(orders(1, 1, 7)),
            wire.encode(Frame.CHECKPOINT, wire.CHECKPOINT.pack(10, 3)),
            *wire.encode_plot("price", times, values),
            *wire.encode_indicator("mean", np.arange(10.0)),
            wire.encode_json(Frame.LEFT_OUT, {"count": 2, "first": ["slow"], "points": 0}),
            wire.encode(Frame.WAITED, wire.WAITED.pack(1)),
            wire.encode_json(Frame.ERROR, {"kind": "strategy_error", "message": "x", "line": 3}),
            wire.encode_json(Frame.REPORT, {"opened": []}),
            final(10, 3, 3, b"digest"),
        ]
    )


def read(data: bytes, n_bars: int = N_BARS) -> wire.Received:
    reader = FrameReader(n_bars)
    reader.feed(data)
    reader.close()
    return reader.received


def refused(*frames: bytes) -> str:
    with pytest.raises(WireError) as caught:
        read(HELLO + b"".join(frames))
    return str(caught.value)


def test_what_is_written_is_read() -> None:
    received = read(whole_run())
    assert received.layers == {"seccomp": True}
    assert (received.bars_done, received.equity, received.checkpoint) == (10, 10_000.0, (10, 3))
    assert received.order_rows().tobytes() == orders(1, 1, 7).tobytes()
    times, values = received.plot_lines()["price"]
    assert (list(times), list(values)) == ([0, 1, 2], [1.0, 2.0, 3.0])
    assert received.indicator_lines()["mean"].tolist() == list(range(10))
    assert received.left_out == {"count": 2, "first": ["slow"], "points": 0}
    assert received.waited == 1
    assert received.error == {"kind": "strategy_error", "message": "x", "line": 3}
    assert (received.finished, received.digest) == (True, b"digest")


def test_bytes_may_come_one_at_a_time() -> None:
    reader = FrameReader(N_BARS)
    for byte in whole_run():
        reader.feed(bytes([byte]))
    assert reader.received.finished
    assert reader.received.n_orders == 3


def test_many_orders_are_cut_into_frames() -> None:
    count = 2 * wire.ORDERS_PER_FRAME + 1
    frames = list(wire.encode_orders(orders(*range(count))))
    assert len(frames) == 3
    assert read(HELLO + b"".join(frames), n_bars=count).n_orders == count


def test_the_first_frames_of_a_cut_off_run_can_be_taken_alone() -> None:
    received = read(HELLO + b"".join(wire.encode_orders(orders(1, 2, 3))))
    assert list(received.order_rows(2)["bar"]) == [1, 2]


def test_nothing_comes_before_hello_and_hello_comes_once() -> None:
    with pytest.raises(WireError, match="out of turn"):
        read(final())
    assert "out of turn" in refused(HELLO)


def test_a_length_is_judged_before_its_bytes_come() -> None:
    for kind in Frame:
        header = wire.HEADER.pack(wire.MAX_PAYLOAD_BYTES[kind] + 1, kind)
        with pytest.raises(WireError):
            read(header if kind is Frame.HELLO else HELLO + header)


def test_an_unknown_kind_is_refused() -> None:
    assert "unknown kind" in refused(wire.HEADER.pack(0, 99))
    assert "unknown kind" in refused(wire.HEADER.pack(0, 0))


def test_half_a_frame_at_the_end_is_refused() -> None:
    with pytest.raises(WireError, match="inside a frame"):
        read(HELLO + final()[:-1])


def test_nothing_follows_the_final_frame() -> None:
    assert "after the final frame" in refused(final(), final())
    assert "after the final frame" in refused(final(), b"x")


def test_orders_are_whole_rows_in_the_order_of_the_bars() -> None:
    rows = orders(1).tobytes()
    assert "whole rows" in refused(wire.encode(Frame.ORDERS, rows[:-1]))
    assert "whole rows" in refused(wire.encode(Frame.ORDERS, b""))
    for bars in ((2, 1), (N_BARS,), (-1,)):
        assert "order of the bars" in refused(*wire.encode_orders(orders(*bars)))
    assert "order of the bars" in refused(
        *wire.encode_orders(orders(5)), *wire.encode_orders(orders(4))
    )


def test_orders_of_an_unknown_kind_are_refused() -> None:
    for name, value in (("call", 8), ("rows", -1)):
        rows = orders(1)
        rows[name] = value
        assert "unknown kind" in refused(*wire.encode_orders(rows))


def test_orders_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ORDER_ROWS", 3)
    assert "more than 3 rows of orders" in refused(*wire.encode_orders(orders(1, 2, 3, 4)))


def test_progress_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hello is one; two more seconds let eighty more through."""
    monkeypatch.setattr(wire, "MAX_FRAMES", 3)
    frame = wire.encode(Frame.PROGRESS, wire.PROGRESS.pack(1, 1.0, 0))
    assert "too many" in refused(*[frame] * 3)
    reader = FrameReader(N_BARS, wall_s=2.0)
    reader.feed(HELLO + frame * 82)
    with pytest.raises(WireError, match="too many"):
        reader.feed(frame)


def test_lines_and_points_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    none = np.empty(0)
    names = [f"line {number}" for number in range(MAX_PLOTS + 1)]
    frames = [frame for name in names for frame in wire.encode_plot(name, none, none)]
    assert f"more than {MAX_PLOTS} plots" in refused(*frames)
    monkeypatch.setattr(wire, "MAX_PLOT_POINTS", 2)
    assert MAX_PLOT_POINTS > 2
    assert "more than 2 plot points" in refused(*wire.encode_plot("x", np.zeros(3), np.zeros(3)))


def test_a_plot_has_a_name_of_text_and_whole_rows() -> None:
    for payload in (b"", b"\1", struct.pack("<H", 5) + b"ab", struct.pack("<H", 1) + b"a123"):
        refused(wire.encode(Frame.PLOT, payload))
    assert "not text" in refused(wire.encode(Frame.PLOT, struct.pack("<H", 1) + b"\xff"))


def test_a_long_indicator_is_cut_into_frames_and_put_together_again() -> None:
    values = np.arange(2.0 * wire.VALUES_PER_FRAME + 1)
    frames = list(wire.encode_indicator("mean", values))
    assert len(frames) == 3
    received = read(HELLO + b"".join(frames) + final(len(values)), n_bars=len(values))
    assert received.indicator_lines()["mean"].tolist() == values.tolist()


def test_what_is_no_finite_number_is_a_gap_in_an_indicator() -> None:
    frames = wire.encode_indicator("x", np.array([1.0, np.inf, -np.inf, np.nan]))
    line = read(HELLO + b"".join(frames) + final(4)).indicator_lines()["x"]
    np.testing.assert_array_equal(line, [1.0, np.nan, np.nan, np.nan])


def test_lines_and_values_of_indicators_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"line {number}" for number in range(MAX_INDICATOR_LINES + 1)]
    frames = [frame for name in names for frame in wire.encode_indicator(name, np.zeros(1))]
    assert len(read(HELLO + b"".join(frames[:-1])).indicators) == MAX_INDICATOR_LINES
    assert f"more than {MAX_INDICATOR_LINES} lines" in refused(*frames)
    monkeypatch.setattr(wire, "MAX_INDICATOR_VALUES", 2)
    assert MAX_INDICATOR_VALUES > 2
    assert "more than 2 values" in refused(*wire.encode_indicator("x", np.zeros(3)))


def test_an_indicator_has_a_name_of_text_and_one_value_for_each_bar() -> None:
    for payload in (b"", b"\1", struct.pack("<H", 5) + b"ab", struct.pack("<H", 1) + b"a123"):
        refused(wire.encode(Frame.INDICATOR, payload))
    value = np.zeros(1).tobytes()
    assert "not text" in refused(wire.encode(Frame.INDICATOR, struct.pack("<H", 1) + b"\xff"))
    assert "without a name" in refused(wire.encode(Frame.INDICATOR, bytes(2) + value))
    assert "or values" in refused(wire.encode(Frame.INDICATOR, struct.pack("<H", 1) + b"a"))
    for count in (1, 3):
        frames = wire.encode_indicator("x", np.zeros(count))
        assert "one value for each bar" in refused(*frames, final(2))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"count": -1, "first": [], "points": 0},
        {"count": True, "first": [], "points": 0},
        {"count": 2.0, "first": [], "points": 0},
        {"count": wire.MAX_LEFT_OUT + 1, "first": [], "points": 0},
        {"count": 1, "first": ["a", "b"], "points": 0},
        {"count": 99, "first": ["a"] * (wire.MAX_LEFT_OUT_NAMES + 1), "points": 0},
        {"count": 1, "first": [1], "points": 0},
        {"count": 1, "first": [""], "points": 0},
        {"count": 1, "first": ["x" * (wire.MAX_PLOT_NAME_BYTES + 1)], "points": 0},
        {"count": 1, "first": "a", "points": 0},
        {"count": 0, "first": [], "points": -1},
        {"count": 0, "first": [], "points": True},
        {"count": 0, "first": [], "points": wire.MAX_DROPPED_POINTS + 1},
    ],
)
def test_lines_left_out_are_a_number_and_a_few_names(document: dict[str, object]) -> None:
    assert "left out" in refused(wire.encode_json(Frame.LEFT_OUT, document))


def test_a_wait_ends_before_the_first_order_and_with_the_last_bar() -> None:
    def waited(bars: int) -> bytes:
        return wire.encode(Frame.WAITED, wire.WAITED.pack(bars))

    assert read(HELLO + waited(10) + final(10)).waited == 10
    assert "beyond" in refused(waited(11), final(10))
    ordered = b"".join(wire.encode_orders(orders(4)))
    assert read(HELLO + ordered + waited(4) + final(10, 1)).waited == 4
    assert "beyond" in refused(ordered, waited(5), final(10, 1))
    assert "twice" in refused(waited(1), waited(1))
    for payload in (b"", bytes(7), wire.WAITED.pack(-1), wire.WAITED.pack(N_BARS + 1)):
        refused(wire.encode(Frame.WAITED, payload))


def test_a_bar_beyond_the_bars_is_refused() -> None:
    for bars_done in (-1, N_BARS + 1):
        assert refused(wire.encode(Frame.PROGRESS, wire.PROGRESS.pack(bars_done, 1.0, 0)))
        assert refused(final(bars_done))


def test_counts_that_do_not_agree_are_refused() -> None:
    assert "miscounts" in refused(final(n_orders=1))
    assert "miscounts" in refused(final(points=1))
    assert "miscounts" in refused(wire.encode(Frame.CHECKPOINT, wire.CHECKPOINT.pack(0, 1)))


def test_an_answer_comes_once() -> None:
    for kind in (Frame.ERROR, Frame.REPORT, Frame.LEFT_OUT):
        answer = wire.encode_json(kind, {"count": 1, "first": [], "points": 0})
        assert "twice" in refused(answer, answer)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"a": ' + b"9" * 200_000 + b"}",
    ],
)
def test_what_is_not_plain_json_is_refused(payload: bytes) -> None:
    assert refused(wire.encode(Frame.ERROR, payload))


def test_our_own_code_cannot_send_too_much() -> None:
    with pytest.raises(WireError):
        wire.encode(Frame.HELLO, bytes(5000))


def test_hostile_bytes_are_read_or_refused_but_never_believed_or_kept() -> None:
    """Seeded: mutations of a whole run, and frames at random. Nothing but WireError comes out, and
    the reader never holds more than one frame and what it has counted."""
    choice = random.Random(20_230_101)
    good = whole_run()
    most = max(wire.MAX_PAYLOAD_BYTES.values()) + wire.HEADER.size
    accepted = 0
    for case in range(FUZZ_CASES):
        data = _mutated(choice, good) if case % 2 else _random_frames(choice)
        reader = FrameReader(N_BARS)
        try:
            while data:
                cut = choice.randint(1, len(data))
                reader.feed(data[:cut])
                assert len(reader._buffer) <= most
                data = data[cut:]
            reader.close()
        except WireError:
            continue
        finally:
            _check(reader.received)
        accepted += 1
    assert 0 < accepted < FUZZ_CASES / 2


def _check(received: wire.Received) -> None:
    rows = received.order_rows()
    assert len(rows) == received.n_orders
    assert not len(rows) or (rows["bar"].min() >= 0 and rows["bar"].max() < N_BARS)
    assert 0 <= received.bars_done <= N_BARS
    assert received.checkpoint[1] <= received.n_orders
    assert len(received.plots) <= MAX_PLOTS
    assert len(received.indicators) <= MAX_INDICATOR_LINES
    assert all(len(line) <= N_BARS for line in received.indicator_lines().values())
    assert len(received.digest) <= wire.MAX_DIGEST_BYTES
    received.plot_lines()


def _mutated(choice: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(choice.randint(1, 4)):
        at = choice.randrange(len(data))
        match choice.randrange(5):
            case 0:
                data[at] ^= 1 << choice.randrange(8)
            case 1:
                data[at] = choice.choice((0, 1, 127, 128, 255))
            case 2:
                del data[at : at + choice.randint(1, 40)]
                data = data or bytearray(good)
            case 3:
                data[at:at] = choice.randbytes(choice.randint(1, 40))
            case _:
                other = choice.randrange(len(data))
                data[at:at] = data[other : other + choice.randint(1, 80)]
    return bytes(data)


def _random_frames(choice: random.Random) -> bytes:
    frames = [HELLO] if choice.random() < 0.9 else []
    for _ in range(choice.randint(1, 6)):
        kind = choice.randint(0, 11)
        size = choice.choice((0, 1, 15, 16, 24, 64, 65, choice.randint(0, 400)))
        claimed = size if choice.random() < 0.9 else choice.getrandbits(32)
        frames.append(wire.HEADER.pack(claimed, kind) + choice.randbytes(size))
    return b"".join(frames)
