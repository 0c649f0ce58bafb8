"""Small things that a new user meets in the first hour, each as it is typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from driftcli.cli._environment import prepare
from driftcli.cli.app import app
from driftcli.core.errors import NotAuditedError
from driftcli.core.version import version
from driftcli.reports.json import Json
from tests.journey import pictures
from tests.reports import samples

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ref(tmp_path):
    """A folder that claims to be an artifact; what is in it nobody reads here."""
    folder = tmp_path / "ref"
    folder.mkdir()
    (folder / "manifest.json").write_text(
        '{"schema_version": "1.0", "kind": "driftcli-reference", "files": []}'
    )
    return folder


@pytest.fixture
def pictured(check, monkeypatch):
    """As `check`, also for formats with pictures."""
    from driftcli.audit import check as audit
    from driftcli.pictures.picture import Gallery

    monkeypatch.setattr(
        audit, "check_with_pictures", lambda *a, **k: (check(*a, **k), Gallery(reason="none"))
    )


# ---------------------------------------------------------------- -o


@pytest.mark.usefixtures("pictured")
@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.json", "{"), ("a.HTML", "<!doctype html>"), ("a.htm", "<!doctype html>"), ("a.md", "#"), ("a.csv", "rank,"),
        ("a.xml", "<?xml"), ("a.prom", "# HELP"), ("a.txt", "pass"), ("day=1/a.json", "{"),
    ],
)  # fmt: skip
def test_the_suffix_says_the_format_and_folders_are_made(main, tmp_path, monkeypatch, name, begins):
    monkeypatch.chdir(tmp_path)
    ran = main("check", "ref", "x", "-o", f"new/folder/{name}")
    assert ran.code == 0, ran.err
    text = (tmp_path / "new" / "folder" / name).read_text()
    assert text.lower().lstrip().startswith(begins.lower())


@pytest.mark.usefixtures("pictured")
def test_a_format_that_is_named_wins_over_the_suffix(main, tmp_path):
    assert (
        main("check", "ref", "x", "-o", f"json={tmp_path / 'a.txt'}", "-o", f"html={tmp_path}/page/").code
        == 0
    )
    assert json.loads((tmp_path / "a.txt").read_text())["verdict"]
    assert (tmp_path / "page" / "index.html").is_file()


def test_no_folder_is_made_for_a_command_that_fails(main, check, tmp_path):
    assert main("check", "ref", "x", "-o", str(tmp_path / "new" / "a.json"), "-o", "b.docx").code == 2
    assert (list(tmp_path.iterdir()), check.calls) == ([], [])


def test_what_is_read_is_never_written(main, check, ref, tmp_path):
    images = pictures(tmp_path / "images", 1, 1)
    listed, settings = tmp_path / "list.csv", tmp_path / "drift.yaml"
    listed.write_text("path\nimages/0000.jpg\n")
    settings.write_text("seed: 1\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for output, said in (
        (listed, "is what the command reads"),
        (f"json={settings}", "is what the command reads"),
        (f"json={images / '0000.jpg'}", "is an image"),
        (f"json={ref / 'report.json'}", "lies in"),
        (f"html={images}/report/", "lies in"),
        (f"bundle={tmp_path}", "holds other files|lies in it"),
    ):
        ran = main("check", str(ref), str(listed), str(images), "-c", str(settings), "-o", str(output))
        assert (ran.code, ran.out, check.calls) == (2, "", [])
        assert any(part in ran.err for part in said.split("|")), ran.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert main("check", str(ref), str(images), "-o", str(images / "report.json")).code == 0


# ---------------------------------------------------------------- the order of arguments


@pytest.mark.parametrize(
    ("argv", "right"),
    [
        (("check", "images", "ref"), "driftcli check ref images"),
        (("baseline", "images", "ref"), "driftcli baseline ref images"),
        (("power", "images", "ref"), "driftcli power ref images"),
        (("check", "images", "ref", "my images"), "driftcli check ref images 'my images'"),
        (("check", "ref", "ref"), "driftcli check ref IMAGES"),
        (("fit", "ref", "-o", "images"), "driftcli fit images -o ref"),
        (("fit", "ref", "-o", "new"), "driftcli fit IMAGES -o new"),
    ],
    ids=" ".join,
)
def test_swapped_arguments_are_seen_and_put_right(main, ref, monkeypatch, argv, right):
    monkeypatch.chdir(ref.parent)
    pictures(Path("images"), 2, 1)
    ran = main(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert "error: ref is an artifact" in ran.err
    assert right in ran.err.partition("hint: ")[2]
    assert {path.name for path in Path("images").iterdir()} == {"0000.jpg", "0001.jpg"}
    assert {path.name for path in ref.parent.iterdir()} == {"images", "ref"}


# ---------------------------------------------------------------- told once


def _both_in_one(argv, cwd):
    ran = subprocess.run(
        [sys.executable, "-m", "driftcli", *argv], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return ran.returncode, ran.stdout


def test_a_typing_mistake_in_a_path_is_told_once(tmp_path):
    """On a terminal or in a log both streams are read together."""
    code, text = _both_in_one(["check", "reff", "images"], tmp_path)
    assert code == 3
    assert text.count("there is no artifact reff") == 1
    assert len(text.splitlines()) == 2
    (tmp_path / "ref").mkdir()
    (tmp_path / "ref" / "manifest.json").write_text('{"schema_version": "1.0", "kind": "x", "files": []}')
    code, text = _both_in_one(["check", "reff", "images", "-f", "json"], tmp_path)
    assert "hint: did you mean ref?" in text
    assert '"verdict": "inconclusive"' in text


def test_apart_each_stream_has_it(main, check):
    """Contract: with 3 standard output holds the report, and every failure is explained on standard error."""
    check.result = NotAuditedError("there is no 'x'", "did you mean 'y'?")
    ran = main("check", "ref", "x")
    assert ran.code == 3
    assert ran.out.startswith("INCONCLUSIVE")
    assert ran.err == "error: there is no 'x'\nhint: did you mean 'y'?\n"


# ---------------------------------------------------------------- --version


@pytest.mark.parametrize("verb", sorted(c.callback.__name__ for c in app.registered_commands))
@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_told_wherever_it_is_asked_for(main, verb, word):
    """Also before what the command cannot do without."""
    ran = main(verb, word)
    assert (ran.code, ran.out, ran.err) == (0, f"driftcli {version()}\n", "")
    assert main(word, verb).out == ran.out


# ---------------------------------------------------------------- completion


@pytest.fixture
def completed(main, monkeypatch):
    """What a shell offers for the last word of a line."""

    def offered(line):
        monkeypatch.setenv("_DRIFTCLI_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return main().out.split()

    return offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("simulate x -o y --corruption gau", ["gaussian_blur", "gaussian_noise"]),
        ("power ref x --corruption al", ["all"]),
        ("check ref x --require-detectable jp", ["jpeg:"]),
        ("check ref x --fail-on ", ["drift", "warn", "none"]),
        ("check ref x -f m", ["markdown"]),
        ("check ref x -o j", ["json=", "junit="]),
        ("check ref x -o json=", []),
        ("check ref x --tolerance ", ["auto"]),
        ("check ref x --color ", ["auto", "always", "never"]),
        ("fit x --method e", ["embedding"]),
        ("fit x --method properties,au", ["properties,autoencoder"]),
        ("fit x --set fit.ho", ["fit.holdout="]),
        ("fit x --device ", ["auto", "cpu", "cuda", "mps"]),
        ("fit x -c insp", ["inspection"]),
        ("fit x --stratify-by ", ["folder", "hour", "column:"]),
        ("help exit", ["exit-codes"]),
    ],
)
def test_a_shell_completes_values(completed, line, offered):
    assert completed(f"driftcli {line}") == offered


def test_a_shell_completes_baselines_of_the_artifact_that_is_named(completed, ref):
    (ref / "manifest.json").write_text('{"baselines": {"default": {}, "night": {}, "day": {}}}')
    assert completed(f"driftcli check {ref} images --baseline ") == ["default", "night", "day"]
    assert completed(f"driftcli check {ref} images --baseline n") == ["night"]
    assert completed(f"driftcli check {ref.parent} images --baseline n") == []
    (ref / "manifest.json").write_text("{")
    assert completed(f"driftcli check {ref} images --baseline ") == []


@pytest.mark.parametrize("line", ["check ref x --set g", "fit x --method p", "simulate x --corruption g"])
def test_completing_loads_no_torch(line):
    code = "import sys; from driftcli.cli import app; app.run([]); print('torch' in sys.modules, file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={
            **os.environ, "_DRIFTCLI_COMPLETE": "complete_bash", "COMP_WORDS": f"driftcli {line}",
            "COMP_CWORD": str(len(line.split())),
        },
    )  # fmt: skip
    assert ran.stdout.split()
    assert ran.stderr == "False\n"


# ---------------------------------------------------------------- a home that cannot be written


def test_matplotlib_has_a_place_where_the_home_is_none(tmp_path):
    home = tmp_path / "home"
    environ = {"HOME": str(home / "nobody"), "TMPDIR": str(tmp_path / "tmp")}
    home.write_text("a file: nothing can be made below it")
    prepare(environ)
    place = Path(environ["MPLCONFIGDIR"])
    assert place.is_dir()
    assert place.parent == tmp_path / "tmp"
    assert place.stat().st_mode & 0o077 == 0
    again = {"HOME": str(home / "nobody"), "TMPDIR": str(tmp_path / "tmp")}
    prepare(again)
    assert again == environ
    place.chmod(0o755)
    shared = {"HOME": str(home / "nobody"), "TMPDIR": str(tmp_path / "tmp")}
    prepare(shared)
    assert "MPLCONFIGDIR" not in shared


def test_what_the_user_set_stays_and_a_good_home_is_left_alone(tmp_path):
    mine = {"HOME": "/nowhere", "MPLCONFIGDIR": "mine", "OPENBLAS_NUM_THREADS": "8"}
    prepare(mine)
    assert mine == {"HOME": "/nowhere", "MPLCONFIGDIR": "mine", "OPENBLAS_NUM_THREADS": "8"}
    good = {"HOME": str(tmp_path)}
    prepare(good)
    assert "MPLCONFIGDIR" not in good


def test_a_page_in_a_read_only_home_says_nothing_of_matplotlib(tmp_path):
    """A whole process, as a service runs it."""
    (tmp_path / "home").write_text("")
    (tmp_path / "result.json").write_text(Json().render(samples.rich()))
    environ = {key: text for key, text in os.environ.items() if not key.startswith(("XDG_", "MPL"))}
    ran = subprocess.run(
        [sys.executable, "-m", "driftcli", "report", "result.json", "-q", "-o", "report.html"], cwd=tmp_path,
        capture_output=True, text=True, check=False,
        env=environ | {"HOME": str(tmp_path / "home" / "x"), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "<svg" in (tmp_path / "report.html").read_text()


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("label", "column:label"), ("label:x", "column:x"), ("col:label", "column:label"), ("colunm:label", "column:label"),
        ("exif:hour", "hour"), ("time", "hour"), ("folders", "folder"), ("dir", "folder"), ("(cam", "a regular expression"),
        ("cam\\d+", "a regular expression"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_suggests_what_was_meant(key, meant):
    from driftcli.core.errors import UsageError
    from driftcli.reading.keys import key_function

    with pytest.raises(UsageError) as caught:
        key_function(key)
    assert meant in caught.value.hint


# ---------------------------------------------------------------- on real folders


def test_the_folder_says_what_it_holds_instead(main, tmp_path):
    odd = tmp_path / "odd"
    (odd / "more").mkdir(parents=True)
    for name in ("a.npy", "b.npy", "c.pdf", "more/d.npy"):
        (odd / name).write_bytes(b"x")
    ran = main(
        "fit",
        str(odd),
        "-o",
        str(tmp_path / "new"),
        "--method",
        "properties",
        "--workers",
        "1",
        "--no-progress",
    )
    assert ran.code == 3
    assert "0 usable images: the source holds 3 .npy, 1 .pdf in 2 folders" in ran.err
    (odd / "day.zip").write_bytes(b"x")
    ran = main(
        "fit",
        str(odd),
        "-o",
        str(tmp_path / "new"),
        "--method",
        "properties",
        "--workers",
        "1",
        "--no-progress",
    )
    assert f"named itself: {odd / 'day.zip'}" in ran.err
    shutil.rmtree(odd)
    odd.mkdir()
    ran = main(
        "fit",
        str(odd),
        "-o",
        str(tmp_path / "new"),
        "--method",
        "properties",
        "--workers",
        "1",
        "--no-progress",
    )
    assert "0 usable images: the source holds no file at all" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_column_that_no_image_has_is_a_typing_mistake(main, tmp_path):
    pictures(tmp_path / "images", 40, 1)
    listed = tmp_path / "list.csv"
    listed.write_text("path,label\n" + "".join(f"images/{i:04d}.jpg,cat\n" for i in range(40)))
    options = ("-o", str(tmp_path / "new"), "--method", "properties", "--workers", "1", "--no-progress")
    ran = main("fit", str(listed), "--stratify-by", "column:lable", *options)
    assert (ran.code, ran.out) == (2, "")
    assert "hint: did you mean column:label?" in ran.err
    ran = main("fit", str(tmp_path / "images"), "--stratify-by", "column:label", *options)
    assert (ran.code, ran.out) == (2, "")
    assert "these images have no columns" in ran.err
