"""What a report format is: a result becomes characters or files, and nothing else happens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from driftcli.core.report import Report
from driftcli.pictures.picture import Gallery


class ReportFormat(ABC):
    """Pure: the same result gives the same characters."""

    pictures: ClassVar[bool] = False
    """It shows pictures: called as `render(report, gallery)`."""
    single: ClassVar[bool] = True
    """It can be one file, or standard output: `render`."""
    folder: ClassVar[bool] = False
    """It can be a folder: `files`. One that can be both is a folder where the path ends in / or is one."""

    binary: ClassVar[bool] = False
    """It is a file of bytes: `data`, not `render`; never standard output."""

    @classmethod
    def require(cls) -> None:
        """Raise UsageError where a library is missing that this format needs; asked before anything is audited."""
        return

    @abstractmethod
    def render(self, report: Report) -> str:
        """The whole report as text, ending in a newline. With `pictures`, a gallery is the second argument."""

    def data(self, report: Report) -> bytes:
        """The whole report as one file. Only with `binary`."""
        raise NotImplementedError

    def files(self, report: Report, gallery: Gallery) -> Mapping[str, bytes]:
        """The whole report as files by their relative paths. Only with `folder`.

        The first one names all others and is put in place last, so that an old report becomes a new one in an instant; the names of the
        others change with what they hold.
        """
        raise NotImplementedError
