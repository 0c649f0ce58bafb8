"""What Label Studio's and Datumaro's own converters wrote of a queue holds the labels that they were given.

`tests/benchmarks/labelling_round_trips.py --keep` made the files, with label-studio-sdk 2.1.2 and datumaro 1.13.12.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from driftcli.labelling import page, queue
from driftcli.labelling.annotations import read, sort_out

FOLDER = Path(__file__).parents[1] / "fixtures" / "labelling"
PEOPLE = ("ada", "bo", "cy")
STUDIO = (
    "label-studio-json.json",
    "label-studio-json-min.json",
    "label-studio-csv.csv",
    "label-studio-tsv.csv",
)
OWN = [
    *((name, [name]) for name in STUDIO),
    *(
        (form, [f"{form}-{who}.{suffix}" for who in PEOPLE])
        for form, suffix in (("cvat", "xml"), ("datumaro", "json"))
    ),
]


@pytest.mark.parametrize("files", [files for _, files in OWN], ids=[name for name, _ in OWN])
def test_nothing_is_lost(files):
    text = (FOLDER / queue.FILE).read_text("utf-8")
    whole = queue.read(text.encode(), queue.FILE)
    with (FOLDER / "labels.csv").open(newline="", encoding="utf-8") as table:
        given = {(row["item"], row["annotator"]): row["label"] for row in csv.DictReader(table)}
    marks = [
        each
        for name in files
        for each in read((FOLDER / name).read_bytes(), name.removeprefix("cvat-").removeprefix("datumaro-"))
    ]
    found = sort_out(whole, page.digest(text), marks)
    assert {
        (item, who): whole.classes[value]
        for item, row in zip(found.items, found.values, strict=True)
        for who, value in zip(found.annotators, row, strict=True)
        if value >= 0
    } == given
    assert len(given) == 3 * len(whole.items) - 1  # one was left open
