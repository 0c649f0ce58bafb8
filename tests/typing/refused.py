"""What a user may not write: `mypy --strict` refuses every marked line, for the reason that it names."""

# ruff: noqa: B015, B018  # values are only looked at
from __future__ import annotations

from pathlib import Path

import driftcli

driftcli.check("ref", "today", alfa=0.1)  # refused: call-arg
driftcli.check("ref", "today", alpha=[0.1])  # refused: arg-type
driftcli.check("ref", "today", tolerance=None, min_images="8")  # refused: arg-type
driftcli.check("ref", "today", fail_on="never")  # refused: arg-type
driftcli.check("ref", "today", permutations="many")  # refused: arg-type
driftcli.check("ref", "today", require_detectable=2)  # refused: arg-type
driftcli.check("ref", "today", allow_overlap="yes")  # refused: arg-type
driftcli.check("ref", "today", history=7)  # refused: arg-type
driftcli.check("ref", "today", detectable="small")  # refused: call-arg
driftcli.check("ref")  # refused: call-arg
driftcli.check("ref", 7)  # refused: arg-type
driftcli.fit("good", "ref", alpha=0.1)  # refused: call-arg
driftcli.fit("good", "ref", progress=print)  # refused: arg-type
driftcli.baseline("ref", "good", name=Path("night"))  # refused: arg-type
driftcli.power("ref", "val", severity="1,2", batches=[10])  # refused: call-arg
driftcli.power("ref", "val", share=["10%"])  # refused: list-item
driftcli.simulate("val", "out", corruption={"jpeg": 2})  # refused: arg-type
driftcli.history("drift.db", limit="30")  # refused: arg-type
driftcli.report(b"{}")  # refused: arg-type

report = driftcli.check("ref", "today")
report.p_value  # refused: attr-defined
report.exit_code = 0  # refused: misc
report.to_html()  # refused: call-arg
report.gate.p_value + 1  # refused: operator
report.verdict == "green"  # refused: comparison-overlap
options: driftcli.CheckOptions = {"alfa": 0.1}  # refused: typeddict-unknown-key
driftcli.chek("ref", "today")  # refused: attr-defined
