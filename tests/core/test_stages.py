"""Where the time of a call goes: stages within stages, parts of them, and what nobody claims."""

from __future__ import annotations

from driftcli.core.progress import Progress
from driftcli.core.stages import Stage, Stopwatch, in_workers, table


class Told(Progress):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def start(self, stage: str, total: int | None = None) -> None:
        self.heard.append(("start", stage, total))

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.heard.append(("advance", steps, note))

    def finish(self) -> None:
        self.heard.append(("finish",))

    def took(self, part: str, seconds: float, steps: int | None = None) -> None:
        self.heard.append(("took", part, seconds, steps))

    def warn(self, message: str) -> None:
        self.heard.append(("warn", message))


def a_run():
    """Loading 2 s, then from 0: opening 0-1, reading 1-7 with a stage 3-5 within, reading again 7-10, ends at 12."""
    moments = iter([0.0, 0.0, 1.0, 1.0, 3.0, 5.0, 7.0, 7.0, 10.0, 12.0])
    told = Told()
    watch = Stopwatch(told, loading=2.0, clock=lambda: next(moments))
    with watch.stage("opening"):
        pass
    watch.start("reading", 40)
    watch.advance(40)
    watch.took("listing", 0.5, 40)
    watch.start("training")
    watch.advance(1, "loss .1")
    watch.finish()
    watch.took(in_workers("decoding"), 9.0, 38)
    watch.finish()
    watch.start("reading")
    watch.advance(2)
    watch.took("listing", 0.25, 2)
    watch.finish()
    watch.warn("careful")
    return watch.stages(), told


def test_stages_add_up_to_the_whole_and_each_comes_before_its_parts():
    """14 seconds: a stage within another is taken out of it, workers are in no sum, the rest is `other`."""
    stages, _ = a_run()
    assert stages == (
        Stage("loading libraries", 2.0),
        Stage("opening", 1.0),
        Stage("reading", 7.0, 42),
        Stage("listing", 0.75, 42, "reading"),
        Stage("decoding", 9.0, 38, "reading", workers=True),
        Stage("training", 2.0, 1),
        Stage("other", 2.0),
    )
    assert sum(stage.seconds for stage in stages if stage.of is None) == 14


def test_whoever_draws_progress_hears_all_of_it():
    """In its words and its order; `finish` too where a stage ends by an error."""
    _, told = a_run()
    assert [word for word, *_ in told.heard] == [
        *("start", "finish", "start", "advance", "took", "start", "advance", "finish", "took", "finish"),
        *("start", "advance", "took", "finish", "warn"),
    ]
    assert ("start", "reading", 40) in told.heard
    assert ("took", "decoding in workers", 9.0, 38) in told.heard


def test_the_table_has_shares_of_the_whole():
    """What took less than half a percent is left out; what workers did stands in a line of its own."""
    stages, _ = a_run()
    assert table((*stages, Stage("writing", 0.01))) == [
        "  loading libraries       2.0 s   14%",
        "  opening                 1.0 s    7%",
        "  reading                 7.0 s   50%",
        "    listing               0.8 s    5%",
        "  training                2.0 s   14%",
        "  other                   2.0 s   14%",
        "  beside that, all workers together: decoding 9.0 s",
    ]
    assert table(()) == []
