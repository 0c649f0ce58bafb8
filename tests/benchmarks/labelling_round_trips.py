"""Do the labelling tools' own readers and writers understand a queue, and does `score` understand what they write?

    python -m venv trip && trip/bin/pip install . label-studio-sdk datumaro cvat-sdk
    PYTHONPATH=. trip/bin/python tests/benchmarks/labelling_round_trips.py [--keep DIR]

A queue of drawn pictures is read by Label Studio's labelling interface (which checks every task) and by Datumaro (the library that CVAT
imports and exports with); each tool is given the labels of its annotators, in its own objects, and writes them with its own converter. `score` must find the
very labels in every file. CVAT's server needs a database, so that its data model alone is asked: `cvat-sdk` builds its label requests from
`cvat-labels.json`. What is not installed is named and passed over. `--keep` writes the files for `tests/labelling/test_round_trips.py`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

import driftcli
from driftcli.core.findings import ImageResult
from driftcli.labelling import page, queue
from driftcli.labelling.annotations import read, sort_out
from driftcli.reports.saved.result_file import read_result

RESULT = Path(__file__).parents[1] / "golden" / "json-drift.json"
PEOPLE = ("ada", "bo", "cy")
CLASSES = ("cats", "dogs", "owls & others")
"""One of them with what XML and CSV must quote."""
Labels = dict[tuple[str, str], str]
"""Item and annotator -> label; nothing where an image was left open."""


def made(root: Path) -> Path:
    """A queue of 15 of 30 drawn pictures, named by paths that say nothing of this machine."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(30):
        path = Path("batch") / f"{number:02d} ü.jpg"
        path.parent.mkdir(exist_ok=True)
        pixels = np.kron(rng.integers(0, 255, (2, 2, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=60)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = {"content": digest, "prediction": CLASSES[number % 3], "confidence": 0.5 + number % 10 / 20}
        images.append(ImageResult(str(path), number + 1, 1 - number / 100, "style", (), **facts))
    report = read_result(RESULT)
    report = replace(report, images=tuple(images), batch=replace(report.batch, images=30, source=("batch",)))
    driftcli.queue(report, root / "queue", 15, seed=1, classes=CLASSES)
    return root / "queue"


def given(items: list[str]) -> Labels:
    """What three people say; one of them leaves one open."""
    rng = np.random.default_rng(1)
    said = {(item, who): CLASSES[rng.integers(3)] for item in items for who in PEOPLE}
    del said[items[2], "cy"]
    return said


# ---------------------------------------------------------------- tools


def label_studio(place: Path, said: Labels, out: Path) -> Iterator[tuple[str, list[Path]]]:
    """Tasks checked one by one, regions made by the interface itself, and every export that holds choices."""
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface((place / "label-studio.xml").read_text("utf-8"))
    interface.validate()
    tasks = json.loads((place / "label-studio.json").read_text("utf-8"))
    exported = []
    for number, task in enumerate(tasks, 1):
        assert interface.validate_task({"data": task["data"]}), task["data"]["item"]
        annotations = []
        for place_of, who in enumerate(PEOPLE, 1):
            label = said.get((task["data"]["item"], who))
            regions = (
                []
                if label is None
                else [region._dict() for region in interface.create_regions({"label": label})]
            )
            one = {
                "id": 10 * number + place_of,
                "completed_by": {"id": place_of, "email": who, "first_name": "", "last_name": ""},
                "result": regions,
                "was_cancelled": label is None,
                "lead_time": 1.5,
                "created_at": "2026-11-28T00:00:00Z",
                "updated_at": "2026-11-28T00:00:00Z",
            }
            assert label is None or interface.validate_annotation(one)
            annotations.append(one)
        exported.append({"id": number, **task, "annotations": annotations, "predictions": []})
    source = out / "exported.json"
    source.write_text(json.dumps(exported), "utf-8")
    converter = Converter(interface.config, str(out))
    for form, suffix in (("JSON", "json"), ("JSON_MIN", "json"), ("CSV", "csv"), ("TSV", "csv")):
        folder = out / form
        converter.convert(str(source), str(folder), form, is_dir=False)
        (written,) = folder.glob(f"*.{suffix}")
        yield f"label-studio-{form.lower().replace('_', '-')}.{suffix}", [written]


def datumaro(place: Path, said: Labels, out: Path) -> Iterator[tuple[str, list[Path]]]:
    """The folder as a data set (its items are named after the queue); a file a person, for Datumaro knows no annotators; CVAT's form read back before it counts."""
    import datumaro as dm

    found = dm.Dataset.import_from(str(place), "datumaro")
    names = [label.name for label in found.categories()[dm.AnnotationType.label]]
    assert tuple(names) == CLASSES
    assert all(item.media.data.shape == (16, 16, 3) for item in found)
    for form, suffix in (("datumaro", "json"), ("cvat", "xml")):
        files = []
        for who in PEOPLE:
            labelled = dm.Dataset.from_iterable(
                [
                    item.wrap(
                        annotations=[dm.Label(names.index(said[_item(item.id), who]))]
                        if (_item(item.id), who) in said
                        else []
                    )
                    for item in found
                ],
                categories=found.categories(),
                media_type=dm.Image,
                infos=found.infos(),
            )
            folder = out / f"{form}-{who}"
            labelled.export(str(folder), form, save_media=True)
            again = dm.Dataset.import_from(str(folder), form)
            marks = {item.id: [names[mark.label] for mark in item.annotations] for item in again}
            assert marks == {
                item.id: [said[_item(item.id), who]] if (_item(item.id), who) in said else []
                for item in found
            }
            (written,) = folder.rglob(f"*.{suffix}")
            files.append(shutil.copyfile(written, out / f"{who}.{suffix}"))
        yield f"{form}.{suffix}", files


def _item(identity: str) -> str:
    return identity.partition("-")[2]


def cvat(place: Path, _: Labels, __: Path) -> Iterator[tuple[str, list[Path]]]:
    """CVAT's own model of a task takes the labels."""
    from cvat_sdk import models

    asked = [
        models.PatchedLabelRequest(**label)
        for label in json.loads((place / "cvat-labels.json").read_text("utf-8"))
    ]
    task = models.TaskWriteRequest(name="queue", labels=asked)
    assert [label.name for label in task.labels] == list(CLASSES)
    yield "cvat-labels.json", []


Tool = Callable[[Path, Labels, Path], Iterator[tuple[str, list[Path]]]]
TOOLS: dict[str, Tool] = {"label-studio-sdk": label_studio, "datumaro": datumaro, "cvat-sdk": cvat}


def found_in(place: Path, files: list[Path]) -> Labels:
    """What `score` takes from the files."""
    text = (place / queue.FILE).read_text("utf-8")
    whole = queue.read(text.encode(), queue.FILE)
    marks = [each for file in files for each in read(file.read_bytes(), file.name)]
    table = sort_out(whole, page.digest(text), marks)
    return {
        (item, who): whole.classes[value]
        for item, row in zip(table.items, table.values, strict=True)
        for who, value in zip(table.annotators, row, strict=True)
        if value >= 0
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path)
    keep = parser.parse_args().keep
    keep = None if keep is None else keep.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        os.chdir(root)
        place = made(root)
        said = given(list(queue.read((place / queue.FILE).read_bytes(), queue.FILE).items))
        if keep is not None:
            shutil.copyfile(place / queue.FILE, keep / queue.FILE)
            with (keep / "labels.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(
                    [("item", "annotator", "label"), *((*key, label) for key, label in sorted(said.items()))]
                )
        print("| tool | file | labels | the same |\n| --- | --- | --- | --- |")
        for package, tool in TOOLS.items():
            try:
                known = f"{package} {version(package)}"
                out = root / package
                out.mkdir()
                for name, files in tool(place, said, out):
                    same = found_in(place, files) == said if files else "taken"
                    print(f"| {known} | {name} | {len(said) if files else len(CLASSES)} | {same} |")
                    for file in files if keep is not None else []:
                        shutil.copyfile(
                            file, keep / (name if len(files) == 1 else f"{name.split('.')[0]}-{file.name}")
                        )
            except ImportError as error:
                print(f"| {package} | not installed: {error} | | |")


if __name__ == "__main__":
    main()
