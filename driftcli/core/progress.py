"""Progress as an object whose default does nothing; the terminal supplies one that draws."""

from __future__ import annotations


class Progress:
    """Told what is going on; keeps it to itself. `driftcli.cli` has the one that draws bars."""

    def start(self, stage: str, total: int | None = None) -> None:
        """A stage begins: a short phrase ("decoding", "training autoencoder"), and its size if known."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done; `note` is a short remark such as a loss."""

    def finish(self) -> None:
        """The stage is over."""

    def warn(self, message: str) -> None:
        """Something the user should know that is not part of the report."""


SILENT = Progress()
