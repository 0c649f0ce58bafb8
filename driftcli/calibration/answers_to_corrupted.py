"""What the user's own classifier, run by driftcli, says of good images under simulated corruptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from driftcli.core import registry
from driftcli.core.files import Refused, read_file
from driftcli.core.images import Corrupted, Entry
from driftcli.core.predictions import CorruptedPredictions
from driftcli.harm.learn import FEWEST
from driftcli.reading.answered import predictions
from driftcli.reading.entries import entries_again
from driftcli.simulation.corrupted_set import SEVERITIES

if TYPE_CHECKING:
    from driftcli.core.features import Features
    from driftcli.reading.reader import Reader


def under_corruptions(reader: Reader, sources: Sequence[str], features: Features) -> Features:
    """The images with the classifier's answers on some of them under every corruption at three severities.

    Those with the lowest content hashes among the labelled ones, as many as the settings say; all as they were where nobody asks, no
    classifier runs, or too few are labelled for checks to learn anything from it. An image that is no longer what it was is left out.
    """
    said, classifier, most = features.predictions, reader.classifier, reader.settings.model.corrupted_images
    if said is None or classifier is None or not most or said.corrupted is not None:
        return features
    labelled = np.flatnonzero(said.answered & said.labelled)
    if len(labelled) < FEWEST:
        return features
    chosen = labelled[:most].tolist()
    conditions = every_condition()
    place = {features.names[row]: row for row in chosen}
    reader.progress.start("asking the classifier about corrupted images", len(chosen) * len(conditions))
    asked, entries = tee(_asked(reader, sources, place, conditions))
    rows, images, numbers = [], [], []
    for (row, number, _), answer in zip(asked, reader.answers(entry for _, _, entry in entries), strict=True):
        if answer is not None and answer[0].content.hex().encode() == features.content[row]:
            rows.append(answer[1])
            images.append(row)
            numbers.append(number)
    reader.progress.finish()
    if not rows:
        return features
    answers = predictions(np.stack(rows), classifier, [features.names[row] for row in images])
    image = np.array(images, np.int64)
    answers = replace(answers, classes=said.classes, label=said.label[image])
    under = CorruptedPredictions(answers, image, np.array(numbers, np.int64), tuple(conditions))
    order = np.lexsort((under.condition, under.image))
    under = replace(under, said=answers.at(order), image=image[order], condition=under.condition[order])
    return replace(features, predictions=replace(said, corrupted=under))


def every_condition() -> list[tuple[str, float]]:
    """Every corruption at every severity, as `--export-corrupted` writes them."""
    return [(kind, float(severity)) for kind in registry.kinds("corruptions") for severity in SEVERITIES]


def _asked(
    reader: Reader, sources: Sequence[str], place: Mapping[str, int], conditions: Sequence[tuple[str, float]]
) -> Iterator[tuple[int, int, Entry]]:
    """Row, number of the condition, and what a worker is to change and show, all of one image together: it is decoded once."""
    settings = reader.settings
    most = int(settings.decode.max_megabytes * 2**20)
    for entry in entries_again(sources, settings, place):
        data = entry.data
        if data is None:
            try:
                data = read_file(entry.path or entry.name, most, follow=settings.input.follow)
            except Refused:
                continue
        for number, (kind, severity) in enumerate(conditions):
            change = Corrupted(kind, severity, settings.seed)
            yield place[entry.name], number, replace(entry, data=data, corruption=change)
