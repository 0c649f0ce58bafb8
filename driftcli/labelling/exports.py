"""The queue for other tools: tasks for Label Studio, labels for CVAT, a Datumaro data set; none says what the model thought."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from driftcli.labelling.queue import Queue

FROM, TO = "label", "image"
"""Names of Label Studio's control and object tags."""


def picture(item: str, name: str) -> str:
    """What the picture of an item is called in the folder: with the queue's name, so that another queue's labels are known as such."""
    return f"{name}-{item}"


def label_studio(queue: Queue, pictures: Mapping[str, bytes], name: str) -> str:
    """Tasks to import, a picture inside each: no file server is needed, and no file name tells which are control tasks."""
    tasks = [
        {
            "data": {
                "item": item,
                "queue": name,
                "image": f"data:image/webp;base64,{base64.b64encode(pictures[item]).decode('ascii')}",
            }
        }
        for item in queue.items
    ]
    return f"{json.dumps(tasks, indent=1)}\n"


def label_studio_interface(queue: Queue) -> str:
    """The labelling interface that belongs to the tasks, as XML."""
    view = ET.Element("View")
    ET.SubElement(view, "Image", name=TO, value="$image", zoom="true")
    choices = ET.SubElement(
        view, "Choices", name=FROM, toName=TO, choice="single-radio", showInLine="true", required="true"
    )
    for each in queue.classes:
        ET.SubElement(choices, "Choice", value=each)
    ET.indent(view)
    return f"{ET.tostring(view, encoding='unicode')}\n"


def cvat_labels(queue: Queue) -> str:
    """CVAT's label constructor, raw: one tag a class. Its images are those of the folder `images`."""
    return f"{json.dumps([{'name': each, 'type': 'tag', 'attributes': []} for each in queue.classes], indent=1)}\n"


def datumaro(queue: Queue, name: str) -> str:
    """Annotations of a Datumaro data set whose pictures are those of the folder `images`: every item, without a label.

    The queue's folder is such a data set (`datumaro.Dataset.import_from(FOLDER, "datumaro")`), which Datumaro turns into some thirty other formats.
    """
    labels = [{"name": each, "parent": "", "attributes": []} for each in queue.classes]
    made = {
        "dm_format_version": "1.0",
        "media_type": 2,
        "infos": {"queue": name},
        "categories": {"label": {"labels": labels, "label_groups": [], "attributes": []}},
        "items": [
            {"id": shown, "annotations": [], "image": {"path": f"{shown}.webp"}}
            for shown in (picture(item, name) for item in queue.items)
        ],
    }
    return f"{json.dumps(made, indent=1)}\n"
