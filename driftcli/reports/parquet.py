"""One row an image, as Parquet with typed columns: for data frames, warehouses, a lake of past checks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, final

from driftcli.core.errors import UsageError
from driftcli.reports.base import ReportFormat
from driftcli.reports.layout.per_image import columns
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from driftcli.core.report import Report
    from driftcli.reports.layout.per_image import TableColumn


@final
@dataclass(frozen=True)
class Parquet(ReportFormat):
    """The table of `csv`, with its types; the check itself (verdict, p, baseline, time) in the file's metadata.

    Units of measurements are in the metadata of their columns. Needs pyarrow.
    """

    single: ClassVar[bool] = False
    binary: ClassVar[bool] = True

    @classmethod
    def require(cls) -> None:
        """Raise UsageError where pyarrow is not installed."""
        if find_spec("pyarrow") is None:
            raise UsageError("Parquet needs pyarrow", "pip install 'driftcli[parquet]', or write csv")

    def render(self, report: Report) -> str:
        """There is no text of it: `data`."""
        raise NotImplementedError

    def data(self, report: Report) -> bytes:
        """The whole file."""
        self.require()
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = columns(report)
        kinds = {
            "integer": pa.int64(), "number": pa.float64(), "truth": pa.bool_(), "text": pa.string(),
            "texts": pa.list_(pa.string()), "category": pa.dictionary(pa.int32(), pa.string()),
        }  # fmt: skip
        fields = [
            pa.field(one.name, kinds[one.type], metadata={"unit": one.unit} if one.unit else None)
            for one in table
        ]
        schema = pa.schema(fields, metadata=_facts(report))
        stream = io.BytesIO()
        arrays = [pa.array(_values(one), field.type) for one, field in zip(table, fields, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), stream)
        return stream.getvalue()


def _values(column: TableColumn) -> list[Any]:
    """Texts as UTF-8 can hold them; numbers that are none as not known."""
    return [plain(value) for value in column.values]


def _facts(report: Report) -> dict[str, str]:
    p = report.gate.p_value
    return {
        "driftcli.verdict": report.verdict,
        "driftcli.p_value": "" if p is None else f"{p:.10g}",
        "driftcli.baseline": str(plain(report.reference.baseline)),
        "driftcli.reference": report.reference.digest,
        "driftcli.batch": report.batch.digest,
        "driftcli.created": report.created,
    }
