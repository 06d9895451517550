from __future__ import annotations

import json

from sandbox.job import CheckReport, Parameter, Problem
from server.strategies.check_reports import report_document, report_from


def test_a_report_survives_the_way_to_another_process() -> None:
    report = CheckReport(
        problems=(Problem(1, 2, "no", "yes", "SP1", 1, 4, "x = 1"), Problem(2, 1, "bad")),
        parameters=(Parameter("fast", "int", 20), Parameter("on", "bool", True)),
        class_name="Cross",
        remarks=(Problem(3, 1, "odd", None, "SP300"),),
    )
    assert report_from(json.loads(json.dumps(report_document(report)))) == report
