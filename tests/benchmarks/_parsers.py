"""Every parser of what somebody else may have written, as a function that reads one mutant; `mutants.py` runs them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save

from driftcli.api.keywords import Run
from driftcli.artifact import store
from driftcli.artifact._manifest import FileEntry
from driftcli.audit import check as audit
from driftcli.audit import inspection
from driftcli.check_history import read as history
from driftcli.check_history import record
from driftcli.cli import app
from driftcli.config import resolve
from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core import registry
from driftcli.core.errors import ArtifactError
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.networks import session
from driftcli.pictures.picture import Gallery
from driftcli.reading import canaries, keys, shard
from driftcli.reading.profiles import profile_file
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime
from driftcli.reference.reference import open_baseline, open_reference
from driftcli.reports.history import html as history_html
from driftcli.reports.history import json as history_json
from driftcli.reports.history import text as history_text
from driftcli.reports.inspect import text as inspect_text
from driftcli.reports.json import parse
from driftcli.reports.saved.bundle import read_bundle
from driftcli.reports.saved.result_file import parse_bytes
from driftcli.sources.archive import Archive
from driftcli.sources.decoding import cache as entry_cache
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.settings import Decode
from driftcli.sources.manifest import Manifest
from tests.benchmarks import _mutators as mutate
from tests.fixtures.make import HERE as OLD
from tests.journey import World

Rng = random.Random
TEXT_FORMS = (
    "text",
    "markdown",
    "github",
    "csv",
    "junit",
    "json",
    "prometheus",
    "openmetrics",
    "metrics",
    "html",
)


@dataclass(frozen=True)
class Parser:
    """What is read, how many of a million mutants it gets, and one execution."""

    name: str
    share: float
    run: Callable[[Rng], object]


def parsers(world: World, work: Path) -> list[Parser]:
    """All of them; `world`: a new artifact and images, `work`: a folder of their own."""
    return [
        *_of_artifacts(world, work),
        *_of_results(work),
        *_of_histories(work),
        *_of_sources(world, work),
        *_of_profiles(world),
        *_of_settings(work),
    ]


# ---------------------------------------------------------------- artifacts


class _Artifact:
    """An artifact in memory; states may be replaced, and everything behind `store.read` gets it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found = store.read(folder)
        self.found.verify()
        self.whole = dict(self.found._verified)
        self.roles = sorted(self.whole)
        self.document = json.loads((folder / "manifest.json").read_text("utf-8"))

    @contextlib.contextmanager
    def with_state(self, role: str, state: dict[str, np.ndarray]) -> Iterator[None]:
        """As if it had been written so, with checksums that fit."""
        self.found._verified[role] = state
        read, store.read = store.read, lambda *_: self.found
        try:
            yield
        finally:
            store.read = read
            self.found._verified[role] = self.whole[role]

    @contextlib.contextmanager
    def with_manifest(self, raw: bytes) -> Iterator[None]:
        """The same states under another manifest."""
        folder = self.folder.parent / "manifest-only"
        folder.mkdir(exist_ok=True)
        (folder / "manifest.json").write_bytes(raw)
        found = store.read(folder)
        for entry in found.files.values():
            same = self.found.files.get(entry.role)
            if same is not None and same.sha256 == entry.sha256:
                found._verified[entry.role] = self.whole[entry.role]
        read, store.read = store.read, lambda *_: found
        try:
            yield
        finally:
            store.read = read

    def open(self) -> None:
        artifact, reference = open_reference(str(self.folder), Settings(), ())
        open_baseline(artifact, reference, None, str(self.folder))


class _Check:
    """A whole check of a batch that was read once: opening, gate, explaining, rendering. No image is decoded."""

    def __init__(self, artifact: _Artifact, batch: Path) -> None:
        self.artifact = artifact
        settings = Settings()
        _, reference = open_reference(str(artifact.folder), settings, ())
        reader = Reader(
            reference.settings, reference.extractors, reference.states, make_runtime(settings), False
        )
        with reader:
            self.reading = reader.read([str(batch)], 5_000, "reading")
            self.canary = canaries.seen_by(reader, reference.canary)
        self.call = Call(
            Settings.model_validate({"gate": {"permutations": 999, "alpha": 0.05}}), {"gate.permutations"}
        )

    def __call__(self) -> None:
        def read(_reader: object, _asked: Any, reference: Any, baseline: Any) -> Any:
            canaries.compare(baseline.canary, self.canary, reference.spread, baseline.facts["versions"], {})
            return self.reading

        kept, audit._read = audit._read, read
        try:
            report = audit._audit(audit._Asked(str(self.artifact.folder), ["batch"], self.call, None)).report
        finally:
            audit._read = kept
        for form in ("text", "json"):
            registry.load("reports", form)().render(report)
        p = report.gate.p_value
        assert report.verdict == "inconclusive" or (p is not None and 0 < p <= 1)


def _of_artifacts(world: World, work: Path) -> list[Parser]:
    new = _Artifact(Path(shutil.copytree(world.ref, work / "new")))
    old = [
        _Artifact(Path(shutil.copytree(OLD / name, work / name)))
        for name in ("properties", "patches", "networks")
    ]
    return [*_of_manifests(new, old, _Check(new, world.fresh), work), *_of_states(new, old, world, work)]


def _of_manifests(new: _Artifact, old: list[_Artifact], check: _Check, work: Path) -> list[Parser]:
    small = old[1]

    def of_manifest(rng: Rng) -> None:
        store.read(_written(work / "m", mutate.json_bytes(small.document, rng)))

    def of_manifest_opened(rng: Rng) -> None:
        artifact = rng.choice([new, *old])
        with artifact.with_manifest(mutate.json_bytes(artifact.document, rng)):
            artifact.open()

    def of_facts(rng: Rng) -> None:
        document = dict(new.document)
        document["baselines"] = mutate.of_json(document["baselines"], rng)
        with new.with_manifest(json.dumps(document).encode()):
            check()

    def of_inspection(rng: Rng) -> None:
        artifact = rng.choice([new, *old])
        with artifact.with_manifest(mutate.json_bytes(artifact.document, rng)):
            inspect_text.to_text(inspection.take(artifact.folder, store.read(artifact.folder)))

    return [
        Parser("manifest of an artifact: JSON", 0.05, of_manifest),
        Parser("manifest: opened with its states", 0.006, of_manifest_opened),
        Parser("manifest's facts: gate and report", 0.0008, of_facts),
        Parser("inspect", 0.003, of_inspection),
    ]


def _of_states(new: _Artifact, old: list[_Artifact], world: World, work: Path) -> list[Parser]:
    check = _Check(new, world.fresh)
    tiny = save({"a": np.zeros((2, 3), np.float32), "b": np.arange(3)}, {"k": "v"})
    safe = {role: save(dict(new.whole[role])) for role in ("reference", "properties", "thumbnails-default")}

    def of_state_bytes(rng: Rng) -> None:
        raw = tiny if rng.random() < 0.9 else rng.choice(sorted(safe.values()))
        raw = mutate.of_bytes(raw[:300], rng) + raw[300:]
        sha256 = hashlib.sha256(raw).hexdigest()
        entry = FileEntry("embedding", f"embedding-{sha256[:16]}.safetensors", len(raw), sha256)
        (work / entry.name).write_bytes(raw)
        try:
            replace(old[1].found, path=work, files={"embedding": entry}, _verified={}, _handed_out={}).state(
                "embedding"
            )
        finally:
            (work / entry.name).unlink()

    def of_arrays(rng: Rng) -> None:
        artifact = rng.choice([new, *old])
        role = rng.choice(artifact.roles)
        with artifact.with_state(role, mutate.of_state(artifact.whole[role], rng)):
            artifact.open()

    def of_arrays_checked(rng: Rng) -> None:
        role = rng.choice(new.roles)
        with new.with_state(role, mutate.of_state(new.whole[role], rng)), np.errstate(all="ignore"):
            check()

    state = new.whole["autoencoder"]
    content = state[session.MODEL].tobytes()

    def of_onnx(rng: Rng) -> None:
        raw = (
            mutate.of_bytes(content[:4000], rng) + content[4000:]
            if rng.random() < 0.5
            else _fields(content, rng)
        )
        session._kept.clear()
        with np.errstate(all="ignore"):
            made = session.load(session.packed(raw))
            made.run(np.zeros((1, *made._shape[1:]), np.uint8), sorted(made.outputs))

    def of_whole_check(rng: Rng) -> None:
        folder = work / "whole"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new.folder, folder)
        with store.writing(folder) as draft:
            role = rng.choice([r for r in new.roles if "holdout" not in r])
            draft.put(role, mutate.of_state(new.whole[role], rng))
        _command("check", folder, world.fresh, "--workers", 1, "-q", "--no-progress")

    return [
        Parser("safetensors bytes", 0.29, of_state_bytes),
        Parser("arrays of an artifact: opened", 0.03, of_arrays),
        Parser("arrays: gate, explanation, report", 0.0015, of_arrays_checked),
        Parser("ONNX model of an artifact: loaded and run", 0.004, of_onnx),
        Parser("`driftcli check`, images and all", 0.00015, of_whole_check),
    ]


def _written(folder: Path, raw: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_bytes(raw)
    return folder


def _fields(raw: bytes, rng: Rng) -> bytes:  # noqa: C901, PLR0912 - one branch a kind of change
    """The graph with an attribute, a shape, an operation or an input of a node changed, still a valid message."""
    import onnx

    model = onnx.load_model_from_string(raw)
    for _ in range(rng.randint(1, 3)):
        node = rng.choice(model.graph.node)
        kind = rng.randrange(7)
        if kind == 0:
            node.op_type = rng.choice(
                (*sorted(session.OPERATIONS), "Loop", "If", "Expand", "Tile", "ConstantOfShape")
            )
        elif kind == 1 and node.attribute:
            attribute = rng.choice(node.attribute)
            attribute.i = rng.choice((0, -1, 2**31, 7))
            if attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice((0, -1, 2**20, 3))
        elif kind == 2 and len(node.input):
            node.input[rng.randrange(len(node.input))] = rng.choice(model.graph.node).output[0]
        elif kind == 3:
            shape = rng.choice((*model.graph.output, *model.graph.input)).type.tensor_type.shape
            if shape.dim:
                rng.choice(shape.dim).dim_value = rng.choice((0, -1, 1, 2**20, 5))
        elif kind == 4 and model.graph.initializer:
            tensor = rng.choice(model.graph.initializer)
            if tensor.raw_data:
                data = bytearray(tensor.raw_data)
                data[-4:] = rng.choice(
                    (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\x00" * 4)
                )
                tensor.raw_data = bytes(data)
        elif kind == 5 and model.graph.initializer:
            tensor = rng.choice(model.graph.initializer)
            if tensor.dims:
                tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice((0, 1, 2**30, -1))
            if rng.random() < 0.3:
                entry = tensor.external_data.add()
                entry.key, entry.value = "location", "/etc/passwd"
                tensor.data_location = 1
        else:
            del model.graph.node[rng.randrange(len(model.graph.node))]
    found: bytes = model.SerializeToString()
    return found


# ---------------------------------------------------------------- results and bundles


def _of_results(work: Path) -> list[Parser]:
    whole = [json.loads(path.read_text("utf-8")) for path in sorted((OLD / "results").glob("*.json"))]
    short = [_cut(document) for document in whole]
    bundle = Path(shutil.copytree(OLD / "bundle", work / "bundle"))
    index = json.loads((bundle / "pictures.json").read_text("utf-8"))
    pictures = sorted((bundle / "pictures").iterdir())
    first = pictures[0].read_bytes()

    def of_result(rng: Rng) -> None:
        parse_bytes(mutate.json_bytes(rng.choice(short), rng), "result.json")

    def of_rendered(rng: Rng) -> None:
        report = parse(json.dumps(mutate.of_json(rng.choice(short), rng)))
        form = registry.load("reports", rng.choice(TEXT_FORMS))()
        if "gallery" in type(form).render.__code__.co_varnames:
            form.render(report, Gallery())
        else:
            form.render(report)

    def of_bundle(rng: Rng) -> None:
        (bundle / "pictures.json").write_bytes(mutate.json_bytes(index, rng))
        pictures[0].write_bytes(mutate.of_bytes(first, rng) if rng.random() < 0.3 else first)
        read_bundle(bundle)

    return [
        Parser("saved result: JSON", 0.09, of_result),
        Parser("saved result: in every format", 0.004, of_rendered),
        Parser("bundle", 0.002, of_bundle),
    ]


def _cut(document: Any) -> Any:
    """At most two of everything."""
    if isinstance(document, list):
        return [_cut(item) for item in document[:2]]
    return {key: _cut(item) for key, item in document.items()} if isinstance(document, dict) else document


# ---------------------------------------------------------------- histories


def _of_histories(work: Path) -> list[Parser]:
    raw = (OLD / "history.db").read_bytes()
    path = work / "history.db"
    report = (
        parse((OLD / "results" / "properties-drift.json").read_text("utf-8"))
        if (OLD / "results" / "properties-drift.json").exists()
        else parse(min((OLD / "results").glob("*.json")).read_text("utf-8"))
    )
    settings = Settings.model_validate({"history": {"file": str(path)}, "gate": {"mode": "sequence"}})

    def fresh(content: bytes) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.write_bytes(content)

    def looked(rng: Rng) -> None:
        past = history.require_some(history.read(path))
        if rng.random() < 0.01:  # it draws for seconds
            history_html.to_html(past)
        rng.choice((history_text.to_text, history_json.to_json, history_json.to_csv))(past)

    def of_cells(rng: Rng) -> None:
        fresh(raw)
        mutate.of_cells(str(path), rng)
        looked(rng)

    def of_bytes(rng: Rng) -> None:
        fresh(
            mutate.of_bytes(raw, rng) if rng.random() < 0.5 else mutate.of_bytes(raw[:100], rng) + raw[100:]
        )
        looked(rng)

    def of_recording(rng: Rng) -> None:
        fresh(raw)
        if rng.random() < 0.7:
            mutate.of_cells(str(path), rng)
        else:
            fresh(mutate.of_bytes(raw, rng))
        record.prepare(settings)
        record.record(report, settings)

    return [
        Parser("history: cells", 0.003, of_cells),
        Parser("history: bytes", 0.004, of_bytes),
        Parser("history: a new check is added", 0.003, of_recording),
    ]


# ---------------------------------------------------------------- sources


def _of_sources(world: World, work: Path) -> list[Parser]:
    csv = b'path,group,label,time\n"a b.png",m,cat,2026-11-01T00:00:00Z\nx/y.jpg,t,dog,\nhttps://h/z.png,,,\n'
    jsonl = b'{"path": "a.png", "label": 3, "p": [0.1, 0.9]}\n{"file_name": "b.png", "group": null}\n'
    images = [path.read_bytes() for path in sorted(world.fresh.iterdir())[:3]]
    images += [path.read_bytes() for path in sorted((OLD / "batches" / "fresh").iterdir())[:2]]
    packed = _archives(images)
    key = hashlib.sha256(b"k").digest()
    entry = _entry(key)

    def of_manifest(rng: Rng) -> None:
        suffix, raw = rng.choice((("csv", csv), ("jsonl", jsonl), ("txt", b"a.png\nb/c.jpg\n\n../d.png\n")))
        path = work / f"list.{suffix}"
        path.write_bytes(mutate.of_bytes(raw, rng))
        for one in Manifest(str(path)):
            one  # noqa: B018 - being read is all that is asked of it

    def of_archive(rng: Rng) -> None:
        suffix, raw = rng.choice(packed)
        path = work / f"packed.{suffix}"
        path.write_bytes(mutate.of_bytes(raw, rng))
        for one in Archive(str(path)):
            one  # noqa: B018

    def of_image(rng: Rng) -> None:
        decode(mutate.of_bytes(rng.choice(images), rng), Decode())

    def of_entry(rng: Rng) -> None:
        changed = mutate.of_bytes(entry[16:], rng)
        if rng.random() < 0.7:  # the check sum fits
            changed = entry_cache._check_sum(key, changed) + changed
        entry_cache.unpacked(key, changed)

    return [
        Parser("manifests of sources: CSV, JSON Lines, lists", 0.16, of_manifest),
        Parser("archives: zip, tar", 0.02, of_archive),
        Parser("images: JPEG, PNG", 0.01, of_image),
        Parser("entries of the feature cache", 0.11, of_entry),
    ]


def _of_profiles(world: World) -> list[Parser]:
    profile = world.root / "mutants.safetensors"
    if not profile.exists():
        _command("profile", world.fresh, "--artifact", world.ref, "-o", profile, "--workers", 1, "-q")
    sealed = profile.read_bytes()
    arrays = {name: np.array(x) for name, x in _loaded(sealed).items()}

    def of_profile(rng: Rng) -> None:
        profile_file.decode(mutate.of_bytes(sealed[:2000], rng) + sealed[2000:], "p.safetensors")

    def of_profile_arrays(rng: Rng) -> None:
        changed = mutate.of_state(arrays, rng)
        if rng.random() < 0.4:
            document = json.loads(arrays["document"].tobytes())
            changed = {**arrays, "document": np.frombuffer(mutate.json_bytes(document, rng), np.uint8)}
        profile_file.decode(profile_file._sealed(save(changed)), "p.safetensors")

    return [
        Parser("profile: bytes", 0.03, of_profile),
        Parser("profile: arrays and document, sealed again", 0.02, of_profile_arrays),
    ]


def _loaded(raw: bytes) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    return dict(load(raw))


def _archives(images: list[bytes]) -> list[tuple[str, bytes]]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.cls", "3")
        for i, raw in enumerate(images[-2:]):
            archive.writestr(f"f/{i}.png", raw)
    taped = io.BytesIO()
    with tarfile.open(fileobj=taped, mode="w") as tape:
        for i, raw in enumerate(images[-2:]):
            info = tarfile.TarInfo(f"{i}.png")
            info.size = len(raw)
            tape.addfile(info, io.BytesIO(raw))
    return [("zip", packed.getvalue()), ("tar", taped.getvalue())]


def _entry(key: bytes) -> bytes:
    from driftcli.core.images import Decoded

    facts = FileFacts(width=80, height=60, bytes=1, format="PNG", mode="RGB", grey=True)
    item = Decoded("a.png", {}, b"\x01" * 32, b"\x02" * 8, 5, facts, {})
    return entry_cache.packed(key, item, {"properties": np.zeros(14, np.float32)})


# ---------------------------------------------------------------- settings


def _of_settings(work: Path) -> list[Parser]:
    settings = json.loads(Settings().model_dump_json())
    path = work / "drift.yaml"
    plain = yaml.safe_dump({"gate": settings["gate"], "input": {"exclude": ["*.tmp"]}, "seed": 3}).encode()
    options = [name for name in resolve.OPTIONS if name != "config"]
    leaves = [
        f"{section}.{name}"
        for section in settings
        if isinstance(settings[section], dict)
        for name in settings[section]
    ]

    def of_yaml(rng: Rng) -> None:
        raw = plain
        if rng.random() < 0.3:
            section = rng.choice([name for name in settings if isinstance(settings[name], dict)])
            with contextlib.suppress(yaml.YAMLError):
                raw = yaml.safe_dump(
                    {section: mutate.of_json(settings[section], rng)}, allow_unicode=True
                ).encode("utf-8", "surrogatepass")
        path.write_bytes(mutate.of_bytes(raw, rng) if rng.random() < 0.8 else raw)
        resolve.resolve(path)

    def of_options(rng: Rng) -> None:
        word = mutate.text(rng)
        kind = rng.randrange(3)
        if kind == 0:
            resolve.resolve(None, options={rng.choice(options): word})
        elif kind == 1:
            resolve.resolve(None, sets=[f"{rng.choice(leaves)}={word}"])
        else:
            resolve.resolve(None, environ={f"DRIFTCLI_{rng.choice(options).upper().replace('-', '_')}": word})

    def of_words(rng: Rng) -> None:
        word = mutate.text(rng)
        kind = rng.randrange(4)
        if kind == 0:
            history.moment(word)
        elif kind == 1:
            shard.parse(word)
        elif kind == 2:
            keys.key_function(word)
        else:
            store.read(work / "patches", word)

    return [
        Parser("configuration: YAML", 0.02, of_yaml),
        Parser("options, --set, environment", 0.03, of_options),
        Parser("ages, shards, keys, digests", 0.1585, of_words),
    ]


def _command(*argv: object) -> int:
    """A command line in this process: what the guard calls a bug is raised as one."""
    words = [str(word) for word in argv]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = app.run(words)
    if code not in {0, 1, 2, 3}:
        raise RuntimeError(f"exit {code}: {err.getvalue()[-800:]}")
    if code == 3:
        raise ArtifactError(err.getvalue(), "as said")
    return code


__all__ = ["Frame", "Parser", "Run", "parsers"]
