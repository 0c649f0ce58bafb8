"""`driftcli report`: a saved result in any form, without measuring anything."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from driftcli.core import registry
from driftcli.reports.json import Json, parse
from tests.reports import samples

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "result.json"
    once = parse(Json().render(samples.rich()))  # 2 becomes 2.0 on the way
    path.write_text(Json().render(once), encoding="utf-8")
    return path


def test_json_comes_out_as_it_went_in(main, saved):
    """And the exit code is 0: showing a red result is no failure."""
    ran = main("report", str(saved), "-f", "json")
    assert ran == type(ran)(0, saved.read_text(encoding="utf-8"), "")


def test_every_format_can_be_written(main, saved, tmp_path):
    kinds = registry.kinds("reports")
    outputs = [word for kind in kinds for word in ("-o", f"{kind}={tmp_path / kind}")]
    assert main("report", str(saved), "-q", *outputs).code == 0
    assert all((tmp_path / kind).exists() for kind in kinds)


def test_html_is_a_file_or_a_folder_as_the_path_says(main, saved, tmp_path):
    """A folder again where there is one; an older report in it gives way."""
    assert (
        main(
            "report", str(saved), "-q", "-o", f"html={tmp_path / 'a.html'}", "-o", f"html={tmp_path}/b/"
        ).code
        == 0
    )
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert len(list((tmp_path / "b").glob("style-*.css"))) == 1
    (tmp_path / "b" / "index.html").write_text("old")
    assert main("report", str(saved), "-q", "-o", f"html={tmp_path / 'b'}").code == 0
    assert (tmp_path / "b" / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_bundle_is_read_with_its_pictures(main, saved, tmp_path):
    """Written and read back, the result is the same."""
    assert main("report", str(saved), "-q", "-o", f"bundle={tmp_path / 'bundle'}").code == 0
    assert main("report", str(tmp_path / "bundle"), "-f", "json").out == saved.read_text(encoding="utf-8")


def test_standard_input_is_a_result_too(main, saved, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(saved.read_bytes())))
    assert " verdict=alarm " in main("report", "-", "-q").out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not a driftcli result"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"", "not a driftcli result"),
        (None, "No such file"),
    ],
)
def test_what_is_no_result_is_3_and_writes_nothing(main, tmp_path, content, said):
    path = tmp_path / "result.json"
    if content is not None:
        path.write_bytes(content)
    ran = main("report", str(path), "-o", f"html={tmp_path / 'page.html'}")
    assert (ran.code, ran.out) == (3, "")
    assert said in ran.err
    assert "hint: " in ran.err
    assert not (tmp_path / "page.html").exists()


def test_a_folder_that_is_no_bundle_is_3(main, tmp_path):
    assert main("report", str(tmp_path)).code == 3


@pytest.mark.parametrize(
    ("argv", "light"),
    [(["-q"], ("torch", "matplotlib", "jinja2")), (["-q", "-o", "html=page.html"], ("torch",))],
)
def test_nothing_is_loaded_that_is_not_needed(saved, tmp_path, argv, light):
    """Never torch; what draws, only where something is drawn."""
    code = (
        "import sys\nfrom driftcli.cli import app\ncode = app.run(sys.argv[1:])\n"
        f"print(code, [name for name in {light!r} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "report", str(saved), *argv], cwd=tmp_path, capture_output=True, text=True,
        check=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert ran.stdout.splitlines()[-1] == "0 []"
