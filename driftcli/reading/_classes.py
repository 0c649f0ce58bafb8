"""Which classes a classifier has: those of its columns, those that it predicts, or those that are wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name
from driftcli.reading._answers import Answer, Form, listed

FEWEST = 2
"""Classes that a classifier has."""


@dataclass(frozen=True)
class Classes:
    """The classes behind some answers."""

    form: Form
    answers: Sequence[Answer]
    source: str
    """Where the answers are from, in words."""
    whose: str
    """Whose classes are wanted, where any are."""

    def known(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """In the order wanted, else that of the columns, else sorted.

        Raises NotAuditedError where they are not those wanted, or only one.
        """
        own = self._own(wanted)
        if len(set(own)) < FEWEST:
            raise NotAuditedError(
                f"{self.source} knows one class only: {listed(own)}",
                "name all of the classifier's classes: --set predictions.classes=[cat,dog]",
            )
        if wanted is None or self.form.kind == "classes":
            return own
        new = [name for name in own if name not in wanted]
        gone = [name for name in wanted if name not in own]
        if new or gone:
            said = [f"{listed(new)} not known to it"] if new else []
            said += [f"{listed(gone)} missing"] if gone else []
            raise NotAuditedError(
                f"the classes of {self.source} are not those of {self.whose}: {', '.join(said)}",
                "give predictions of the same classifier; of another one the baseline needs some, too: "
                "driftcli baseline ARTIFACT GOOD_IMAGES --predictions FILE",
            )
        return tuple(wanted)

    def _own(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        if self.form.kind == "probabilities":
            return self.form.names
        if self.form.kind == "logits":
            return self._numbered(wanted)
        if self.form.kind == "classes":
            return tuple(sorted(self._said())) if wanted is None else tuple(wanted)
        return self._two(self.form.names[0], wanted)

    def _numbered(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """Logits have no names: those wanted, else numbers."""
        count = len(next(said.numbers for said in self.answers if said.numbers is not None))
        if wanted is None:
            return tuple(str(k) for k in range(count))
        if len(wanted) != count:
            raise NotAuditedError(
                f"{self.source} has {count:,} logits an image, and there are {len(wanted):,} classes: {listed(wanted)}",
                "give the outputs of the same classifier, one for each class in their order",
            )
        return tuple(wanted)

    def _two(self, one: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """Of a single column: the other class is the other one wanted, or met among labels and predictions."""
        if wanted is not None and len(wanted) == FEWEST and one in wanted:
            return tuple(wanted)
        others = sorted(self._said() - {one})
        if len(others) > 1:
            raise NotAuditedError(
                f"p_{safe_name(one)} is the only column of probabilities, and there are more classes: {listed(others)}",
                "give a column p_CLASS for every class",
            )
        return (others[0] if others else f"not {one}", one)

    def _said(self) -> set[str]:
        return {text for one in self.answers for text in (one.label, one.prediction) if text is not None}
