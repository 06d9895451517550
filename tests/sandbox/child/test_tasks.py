"""What a task tells of errors and parameters fits its frame and every reader."""

from __future__ import annotations

from sandbox.child import tasks
from sandbox.crossing import wire
from sandbox.crossing.wire import Frame
from sandbox.job import Parameter, Problem


def test_problems_beyond_a_frame_are_left_out() -> None:
    problems = tuple(Problem(1, 1, "\x01" * 400, hint="\x01" * 400) for _ in range(100))
    answer = {"kind": "rejected_code", "problems": tasks._plain_problems(problems)}
    frame = tasks.fitting(Frame.ERROR, answer)
    assert len(frame) <= wire.MAX_PAYLOAD_BYTES[Frame.ERROR] + wire.HEADER.size
    assert 1 <= len(answer["problems"]) < 100


def test_parameters_that_no_json_reader_takes_are_left_out() -> None:
    parameters = (
        Parameter("fine", "int", 3),
        Parameter("huge", "int", 2**60),
        Parameter("long", "str", "x" * 3000),
    )
    assert [item["name"] for item in tasks._plain_parameters(parameters)] == ["fine"]
