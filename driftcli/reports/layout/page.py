"""A page of plain lines: paragraphs, bullets and tables that never pass the width and never run on."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text

from driftcli.core.text import safe_name
from driftcli.reports.layout.breaks import HARD, glued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.reports.layout.document import Tone

MEASURE = 110
"""Prose is not set wider than this, however wide the terminal: long lines are hard to read."""
NARROWEST = 40
SLIMMEST = 8
"""Cells below which no column is shortened."""

_ASCII = str.maketrans(
    {"≥": ">=", "≤": "<=", "≠": "!=", "−": "-", "–": "-", "—": "-", "…": "...", "•": "*", "·": "-", "×": "x"}
    | {
        "✗": "x",
        "✓": "-",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "±": "+-",
        "σ": "sigma",
        "µ": "u",
        "²": "^2",
        "→": "->",
    }
)


SET_AS: dict[Tone, str] = {
    "": "", "soft": "dim", "strong": "bold", "good": "green", "best": "bold green", "warn": "yellow", "bad": "red",
    "alarm": "bold red",
}  # fmt: skip
"""Tones as styles, in colours that every terminal's theme knows."""


@dataclass(frozen=True, slots=True)
class SetCell:
    """One cell of a table, and how it is set."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One column: its title, its side, and where it may be shortened (nowhere: it keeps its width)."""

    title: str = ""
    right: bool = False
    shorten: Literal["end", "middle"] | None = None


class Page:
    """Collects lines; every text passes `say`, so nothing foreign reaches the terminal as it came."""

    def __init__(self, width: int, *, ascii_only: bool = False) -> None:
        self.width = max(width, NARROWEST)
        self.measure = min(self.width, MEASURE)
        self.ascii_only = ascii_only
        self.dots = "..." if ascii_only else "…"
        self._lines: list[Text] = []

    def say(self, text: str) -> str:
        """The text without commands to the terminal; spelt in ASCII where the page must be."""
        safe = safe_name(text)
        return (
            safe.translate(_ASCII).encode("ascii", "backslashreplace").decode() if self.ascii_only else safe
        )

    def gap(self) -> None:
        """An empty line, never two."""
        if self._lines and self._lines[-1].plain:
            self._lines.append(Text())

    def heading(self, title: str, aside: str = "") -> None:
        """A section's title at the margin, with a word beside it."""
        self.gap()
        lines = self._wrap(f"{title}   {aside}" if aside else title, self.measure)
        self._lines += [Text(line, "bold" if not number else "") for number, line in enumerate(lines)]
        if aside and lines:
            first = self._lines[-len(lines)] = Text(lines[0], "bold")
            if lines[0].startswith(self.say(title)):
                first.stylize("not bold dim", len(self.say(title)))

    def paragraph(
        self, text: str, style: str = "", *, lead: str = "  ", lead_style: str = "", keep: int | None = None
    ) -> None:
        """Text wrapped beside its lead (`DRIFT  `, `  • `), the following lines under the first."""
        lead = self.say(lead)
        room = (self.measure if keep is None else keep) - cell_len(lead)
        indent = " " * cell_len(lead)
        for number, line in enumerate(self._wrap(text, room)):
            start = Text().append(lead, lead_style or None) if number == 0 else Text(indent)
            self._lines.append(start.append(line, style or None))

    def line(self, text: str, style: str = "", *, lead: str = "", lead_style: str = "") -> None:
        """One line beside its lead, cut where it is too long for the page."""
        lead = self.say(lead)
        shown = self.fit(self.say(text), self.width - cell_len(lead))
        self._lines.append(Text().append(lead, lead_style or None).append(shown, style or None))

    def table(self, tracks: Sequence[Track], rows: Sequence[Sequence[SetCell]]) -> None:
        """Rows of one line each; columns that may be shortened give way until the rest fits."""
        cells = [[SetCell(self.say(cell.text), cell.style) for cell in row] for row in rows]
        titles = [SetCell(self.say(track.title), "dim") for track in tracks]
        if any(cell.text for cell in titles):
            cells.insert(0, titles)
        widths = self._widths(tracks, cells)
        for row in cells:
            line = Text("  ")
            for track, width, cell in zip(tracks, widths, row, strict=True):
                if width:
                    shown = self.fit(cell.text, width, track.shorten or "end")
                    space = " " * (width - cell_len(shown))
                    line.append(space if track.right else "").append(shown, cell.style or None)
                    line.append("  " if track.right else space + "  ")
            line.rstrip()
            self._lines.append(line)

    def _widths(self, tracks: Sequence[Track], rows: Sequence[Sequence[SetCell]]) -> list[int]:
        widths = [max(cell_len(row[number].text) for row in rows) for number in range(len(tracks))]
        flexible = [number for number, track in enumerate(tracks) if track.shorten]
        while flexible and sum(width + 2 for width in widths if width) > self.width:
            widest = max(flexible, key=lambda number: widths[number])
            if widths[widest] <= SLIMMEST:
                break
            widths[widest] -= 1
        return widths

    def fit(self, text: str, width: int, where: Literal["end", "middle"] = "end") -> str:
        """The text in at most `width` cells; a name keeps its beginning and, rather, its end."""
        if len(text) <= 4 * width and cell_len(text) <= width:
            return text
        room = max(width - len(self.dots), 0)
        head = room if where == "end" else room * 2 // 5
        left = _take(text[:width], head)
        right = "" if where == "end" else _take(text[-width:][::-1], room - cell_len(left))[::-1]
        while left and cell_len(left + self.dots + right) > width:
            left = left[:-1]
        return (left + self.dots + right)[: max(width, 0)]

    def _wrap(self, text: str, room: int) -> list[str]:
        """Lines of at most `room` cells, broken at spaces that may be broken, else anywhere."""
        lines, line = [], ""
        for word in glued(self.say(text)).split(" "):
            trial = f"{line} {word}" if line else word
            if cell_len(trial) <= room:
                line = trial
                continue
            lines += [line] if line else []
            line = word
            while cell_len(line) > room:
                head = _take(line, room) or line[:1]
                lines.append(head)
                line = line[len(head) :]
        lines += [line] if line else []
        return [line.replace(HARD, " ") for line in lines]

    def render(self, *, color: bool) -> str:
        """The page as characters; with colour, in the sixteen that every terminal's theme knows."""
        for line in self._lines:
            if cell_len(line.plain) > self.width:
                line.truncate(self.width)
            line.rstrip()
        if not color:
            return "".join(f"{line.plain}\n" for line in self._lines)
        from rich.console import Console  # loads much, for colours alone

        file = StringIO()
        console = Console(
            file=file, width=self.width, height=100, force_terminal=True, force_jupyter=False,
            color_system="standard", no_color=False, legacy_windows=False,
            markup=False, emoji=False, highlight=False, _environ={},
        )  # fmt: skip
        for line in self._lines:
            console.print(line, no_wrap=True, overflow="ignore", crop=False)
        return file.getvalue()


def _take(text: str, room: int) -> str:
    """The longest beginning of at most `room` cells."""
    cells = 0
    for position, character in enumerate(text):
        cells += get_character_cell_size(character)
        if cells > room:
            return text[:position]
    return text
