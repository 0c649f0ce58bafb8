"""The `file` view: what the file says of itself as numbers, levels with names, and bad EXIF."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.properties import Properties, level_code, levels

FILE = [column.name for column in Properties().columns("file")]
FACTS = FileFacts(400, 300, 60_000, "JPEG", "RGB", grey=False, jpeg_quality=90.0, jpeg_block=4.0)


def filed(facts: FileFacts) -> dict[str, float]:
    row = Properties().prepare(Frame(Image.new("RGB", (4, 4)), facts))
    return dict(zip(FILE, row[-len(FILE) :], strict=True))


def test_file_facts_become_numbers():
    """Plain facts as they are, exposure settings as binary logarithms, absent ones missing."""
    exif = {"iso": 400.0, "exposure_time": 0.25, "f_number": 0.0, "make": "Canon", "model": "Canon EOS 5D"}
    found = filed(replace(FACTS, exif=exif))
    assert found["width"] == 400
    assert found["aspect"] == pytest.approx(4 / 3)
    assert found["megapixels"] == pytest.approx(0.12)
    assert found["bytes_per_pixel"] == pytest.approx(0.5)
    assert (found["jpeg_quality"], found["jpeg_block"]) == (90, 4)
    assert found["iso"] == pytest.approx(math.log2(400))
    assert found["exposure_time"] == -2
    assert math.isnan(found["f_number"])
    assert math.isnan(found["focal_length"])
    assert found["camera"] == level_code("Canon EOS 5D")
    assert found["orientation"] == level_code("none")


@given(st.text())
def test_level_codes_survive_float32(text):
    """A level's code is a whole number below 2^24, exact in float32, the same everywhere."""
    code = level_code(text)
    assert int(np.float32(code)) == code < 2**24


def test_levels_name_every_code_in_the_row():
    """The caller can name each category of each image; codes are fixed for ever."""
    facts = replace(FACTS, format="PNG", exif={"make": "Ni\x00kon ", "model": "D3\n", "orientation": 6.0})
    names, found = levels(facts), filed(facts)
    said = [names[int(found[name])] for name in ("format", "mode", "camera", "orientation")]
    assert said == ["PNG", "RGB", "Ni kon D3", "6"]
    assert level_code("PNG") == 0x796120


@pytest.mark.parametrize("bad", ["", "x", "nan", "-3", math.inf, -1.0, 0.0])
def test_bad_exif_is_missing(bad):
    """EXIF that is no positive number is missing, never an error."""
    assert math.isnan(filed(replace(FACTS, exif={"iso": bad, "orientation": bad}))["iso"])
