"""The queue for other tools: tasks for Label Studio, and labels for CVAT; neither says what the model thought."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from driftcli.labelling.queue import Queue

FROM, TO = "label", "image"
"""Names of Label Studio's control and object tags."""


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
    """CVAT's label constructor, raw: one tag a class. Its images are those of the folder `images`, named by item."""
    return f"{json.dumps([{'name': each, 'type': 'tag', 'attributes': []} for each in queue.classes], indent=1)}\n"
