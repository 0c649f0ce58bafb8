"""Progress as an object whose default does nothing; the terminal supplies one that draws."""

from __future__ import annotations


class Progress:
    """Told of the stages and steps of a call, and of warnings; this one keeps them to itself.

    For anything else, make a subclass and give an object of it as `progress`. A stage may begin within another;
    `finish` ends the one that began last.

    Example:
        import driftcli

        class Printed(driftcli.Progress):
            def start(self, stage: str, total: int | None = None) -> None:
                print(stage, "of", total or "unknown size")

        driftcli.fit("images/train", "ref", progress=Printed())
    """

    def start(self, stage: str, total: int | None = None) -> None:
        """A stage begins: a short phrase ("decoding", "training autoencoder"), and its steps if they are known."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done; `note` is a short remark such as a loss."""

    def finish(self) -> None:
        """The stage is over."""

    def took(self, part: str, seconds: float, steps: int | None = None) -> None:
        """So many seconds went into a part of the stage ("network"), of `steps` if they can be counted."""

    def warn(self, message: str) -> None:
        """Something the user should know that is not part of the report."""


SILENT = Progress()
