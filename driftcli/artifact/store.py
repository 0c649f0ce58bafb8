"""The artifact: the only reader and writer of references, their baselines and whatever else is learnt.

A flat folder: `manifest.json`, and states as `<role>-<first 16 digits of their SHA-256>.safetensors`. The
manifest names every state with size and checksum and is replaced last and atomically, so whoever stops a
writer at any instant leaves the old artifact or the new one. No pickle, no name from a manifest used as a
path unless it is the one that role and checksum imply, no link followed.

Checksums find accidents, not attackers: who can write the folder can write a manifest that fits. Against them there is
the digest that a reader may expect, and that they do not know how to keep.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from driftcli.artifact._document import check_document
from driftcli.artifact._draft import KIND, Draft, locked, transaction
from driftcli.artifact._files import MANIFEST, load_state, read_file
from driftcli.artifact._manifest import (
    MAX_MANIFEST_BYTES,
    FileEntry,
    MalformedError,
    check_envelope,
    parse,
    shown,
)
from driftcli.artifact._target import check_target, check_writable, look
from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.files import alike

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftcli.core.features import State

__all__ = ["KIND", "Artifact", "Draft", "FileCheck", "check_output", "exists", "read", "writing"]

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_REREADS = 20
"""A reader that misses a file reads the manifest again, as long as it keeps being another one."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What `verify` found of one file; `problem` is empty when `ok`."""

    name: str
    role: str
    bytes: int
    ok: bool
    problem: str


@dataclass(frozen=True)
class Artifact:
    """One manifest as it was read, and the way to the states that it names."""

    path: Path
    manifest: Mapping[str, Any]
    digest: str
    """SHA-256 of the manifest's bytes, hexadecimal: names this state of the artifact."""
    files: Mapping[str, FileEntry] = field(default_factory=dict, repr=False, compare=False)
    """By role: what the manifest says of each file."""
    expected: str | None = field(default=None, repr=False, compare=False)
    """The digest that the reader asked for: no newer manifest takes this one's place."""
    _handed_out: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _verified: dict[str, State] = field(default_factory=dict, repr=False, compare=False)

    def unusable(self, role: str, what: str, hint: str = "") -> ArtifactError:
        """What to raise where the state for a role is not what it must be; `what`: in words that follow its name."""
        entry = self.files.get(role)
        return _damaged(self.path, f"{entry.name if entry else role} {what}", hint)

    def has(self, role: str) -> bool:
        """Whether the manifest names a state for this role."""
        return role in self.files

    def state(self, role: str) -> State:
        """One state, verified and loaded; ArtifactError (exit 3) if it is absent or damaged.

        If a writer replaced the artifact and the next one removed the file, the state comes from the
        manifest that is there now, unless states handed out before have changed: a state of the old
        reference and one of the new would be neither. Where the manifest's own figures must belong to the
        states too, use `states`.
        """
        current, loaded = self.states(role)
        self._same_as_before(current)
        self._handed_out[role] = current.files[role].sha256
        return loaded[role]

    def states(self, *roles: str) -> tuple[Artifact, dict[str, State]]:
        """Several states and the manifest that they belong to, all of one moment.

        Starts again with the newer artifact if a writer replaced this one and a file has gone.
        """
        current = self
        for _ in range(_REREADS):
            missing = ""
            try:
                loaded: dict[str, State] = {}
                for missing in roles:
                    loaded[missing] = current._load(missing)
            except FileNotFoundError as error:
                current = current._newer(missing, error)
                continue
            return current, loaded
        raise ArtifactError(f"{self.path} is replaced faster than it can be read", "run the command again")

    def exactly(self, role: str) -> State:
        """One state as this manifest names it; ArtifactError where a writer has removed it since."""
        try:
            return self._load(role)
        except FileNotFoundError as error:
            self._newer(role, error)
            raise ArtifactError(
                f"{self.path} was replaced while it was being copied", "run the command again"
            ) from error

    def verify(self) -> tuple[FileCheck, ...]:
        """Reads and checks every file that the manifest names, in the order of their roles; `state` does not read them again."""
        checks = tuple(self._check(entry) for _, entry in sorted(self.files.items()))
        if all(check.ok for check in checks):
            return checks
        newer = read(self.path, self.expected)
        return checks if newer.digest == self.digest else newer.verify()

    def _load(self, role: str) -> State:
        """FileNotFoundError: the caller asks whether there is a newer manifest."""
        entry = self.files.get(role)
        if entry is None:
            known = ", ".join(sorted(self.files)) or "nothing"
            raise ArtifactError(
                f"{self.path} holds no {shown(role)}",
                f"it holds {known}; an artifact is calibrated by `driftcli baseline {self.path} GOOD_IMAGES`",
            )
        if role in self._verified:
            return self._verified[role]
        try:
            return load_state(self.path, entry)
        except MalformedError as error:
            raise _damaged(self.path, f"{entry.name} {error.what}", error.hint) from error
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(self.path / entry.name, error) from error

    def _newer(self, role: str, error: FileNotFoundError) -> Artifact:
        newer = read(self.path, self.expected)
        if newer.digest == self.digest:
            raise _damaged(self.path, f"the file for {role} is missing") from error
        return newer

    def _same_as_before(self, current: Artifact) -> None:
        for role, sha256 in self._handed_out.items() if current is not self else ():
            if role not in current.files or current.files[role].sha256 != sha256:
                raise ArtifactError(
                    f"{self.path} was replaced while it was being read", "run the command again"
                )

    def _check(self, entry: FileEntry) -> FileCheck:
        try:
            self._verified[entry.role] = load_state(self.path, entry)
            problem = ""
        except MalformedError as error:
            problem = error.what
        except OSError as error:
            problem = "is missing" if isinstance(error, FileNotFoundError) else str(error.strerror or error)
        return FileCheck(entry.name, entry.role, entry.bytes, not problem, problem)


def read(path: str | Path, expected: str | None = None) -> Artifact:
    """The artifact at `path`: its manifest, strictly checked; states are loaded when asked for.

    `expected`: the digest that it must have (SHA-256 of the manifest, which holds those of all files), hexadecimal.

    Raises ArtifactError (exit 3): no such folder, no manifest, a damaged one, another major schema version, another
    digest; UsageError (2) for an `expected` that is no digest.
    """
    folder = Path(path)
    if expected is not None and not _DIGEST.fullmatch(expected):
        raise UsageError(
            f"{shown(expected)} is no SHA-256 of an artifact",
            "64 hexadecimal digits, as `driftcli inspect` shows them",
        )
    try:
        raw = read_file(folder / MANIFEST, MAX_MANIFEST_BYTES)
        _require(folder, hashlib.sha256(raw).hexdigest(), expected)  # before anything in it is believed
        manifest = parse(raw)
        files = check_envelope(manifest)
        check_document(manifest)
    except MalformedError as error:
        raise _damaged(folder, f"{MANIFEST} {error.what}", error.hint) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _absent(folder) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise _unreadable(folder / MANIFEST, error) from error
    digest = hashlib.sha256(raw).hexdigest()
    return Artifact(folder, MappingProxyType(manifest), digest, MappingProxyType(files), expected)


def _require(folder: Path, digest: str, expected: str | None) -> None:
    if expected is not None and digest != expected.lower():
        raise ArtifactError(
            f"the artifact {folder} has the SHA-256 {digest}, expected was {expected.lower()}",
            "if you ran fit or baseline on it since, expect the digest that they printed; if not, somebody else changed it",
        )


def exists(path: str | Path) -> bool:
    """Whether there is an artifact at `path`; one of another schema version or a damaged one is one too."""
    return look(Path(path)) in {"artifact", "damaged"}


def check_output(path: str | Path, *, force: bool = False) -> None:
    """Fails now as `writing(path, create=True, force=force)` would later; changes nothing.

    For who is about to work for an hour and only then writes: a lock held in silence is stale after ten
    minutes, so `writing` is for the saving alone.
    """
    check_target(Path(path), force=force)
    check_writable(Path(path))


@contextmanager
def writing(
    path: str | Path,
    *,
    create: bool = False,
    force: bool = False,
    kind: str = KIND,
    wait: float = 30.0,
    expected: str | None = None,
    like: Artifact | None = None,
) -> Iterator[Draft]:
    """Holds the artifact's lock, offers its content to be changed, and replaces it when the block ends well.

    Args:
        path: The artifact's folder.
        create: Begin a new artifact; the folder may be absent or empty, or hold what an interrupted writer left.
        force: With `create`: replace an artifact that is there. It stays valid until the new one is complete.
        kind: What the artifact is; an existing one of another kind is refused.
        wait: Seconds to wait for another writer.
        expected: Not `create`: the digest that the artifact must have before it is changed.
        like: With `create`: begin with a copy of this artifact.

    Raises:
        UsageError: Exit 2. `create`, and there is an artifact, or a folder with other things in it.
        ArtifactError: Exit 3. Not `create`, and there is no artifact, a damaged one or one of another kind.
        InternalError: Exit 4. Locked, not writable, no space, or a content that JSON or safetensors cannot say.
    """
    folder = Path(path)
    if create:
        check_target(folder, force=force)
    else:
        _of_kind(read(folder, expected), kind)
    with locked(folder, wait) as lock:
        if create:
            check_target(folder, force=force)
            begun = Draft(folder, kind, lock, {} if like is None else like.manifest, {})
        else:
            current = _of_kind(
                read(folder, expected), kind
            )  # again: another writer may have finished meanwhile
            begun = Draft(folder, kind, lock, current.manifest, current.files)
        with transaction(begun) as draft:
            if like is not None:
                for role in like.files:
                    draft.put(role, like.exactly(role))
            yield draft


def _of_kind(artifact: Artifact, kind: str) -> Artifact:
    if artifact.manifest["kind"] != kind:
        raise ArtifactError(
            f"{artifact.path} is a {artifact.manifest['kind']}, not a {kind}",
            f"name a folder that holds a {kind}",
        )
    return artifact


def _absent(folder: Path) -> ArtifactError:
    if not folder.exists():
        close = [path for path in alike(str(folder)) if exists(path)]
        hint = f"did you mean {close[0]}?" if close else "check the path, or make it:"
        made = "" if close else f" `driftcli fit IMAGES -o {folder}`"
        return ArtifactError(f"there is no artifact {folder}", f"{hint}{made}")
    what = f"holds no {MANIFEST}" if folder.is_dir() else "is no folder"
    return ArtifactError(
        f"{folder} is no artifact: it {what}",
        "name the folder that `driftcli fit` wrote; an interrupted `fit` leaves none, so run it again",
    )


def _damaged(folder: Path, what: str, hint: str = "") -> ArtifactError:
    again = f"restore it from a copy, or make it again: `driftcli fit IMAGES -o {folder} --force`"
    return ArtifactError(f"the artifact {folder} cannot be used: {what}", hint or again)


def _unreadable(path: Path, error: Exception) -> ArtifactError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ArtifactError(f"cannot read {path}: {reason}", "check the path and who may read it")
