"""A history as one page of HTML: nothing from elsewhere, no script, light and dark."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from driftcli.core.text import label, safe_name
from driftcli.reports.content import numbers as number
from driftcli.reports.history import numbers, plots
from driftcli.reports.history import text as words

if TYPE_CHECKING:
    from driftcli.check_history.records import Past


def to_html(past: Past, names: tuple[str, ...] = ()) -> str:
    """The whole page. `names`: the statistics to draw; without any, all properties."""
    from markupsafe import Markup

    fresh = numbers.once(past)
    asked = numbers.trends(fresh, names)
    sections = {
        "evidence": plots.evidence(fresh, numbers.threshold(past)),
        "p_values": plots.p_values(fresh),
        "control": [(chart, Markup(plots.control(chart, past))) for chart in past.charts if chart.values],  # noqa: S704  # our own
        "multiples": [
            (trend, Markup(plots.small_multiple(trend, fresh)))  # noqa: S704  # drawn here, its texts escaped
            for trend in asked
            if any(found is not None and found.now is not None for found in trend.found)
        ],
    }
    drawn = {k: Markup(v) if isinstance(v, str) else v for k, v in sections.items()}  # noqa: S704  # drawn here
    return page(
        "history.html.j2", past=past, threshold=numbers.threshold(past), events=numbers.events(past), **drawn
    )


def page(template: str, **values: Any) -> str:
    """A template of this room, every value escaped and names made safe to show."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def source(name: str) -> str:
        return files("driftcli.reports").joinpath("templates", name).read_text(encoding="utf-8")

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": lambda text: safe_name(str(text)),
        "label": label,
        "when": words.when,
        "value": number.value,
        "p": number.p_value,
        "count": number.count,
        "percent": number.percent,
        "at_least": number.at_least,
        "mark": lambda verdict: numbers.MARKS.get(verdict, verdict),
        "named": words.named,
    }
    return environment.get_template(template).render(**values)
