"""The autoencoder: learns to reconstruct good images; how it fails, and where, are the features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from PIL import Image

from driftcli.core.features import Column, View
from driftcli.core.rows import Rows
from driftcli.core.schema import Array, ContentError, text
from driftcli.extractors import _errors, _pca, _scores_graph
from driftcli.extractors._autoencoder_settings import AutoencoderSettings
from driftcli.extractors.base import Extractor, HeatMaps, Runtime, Shown, resolve_device
from driftcli.extractors.networks import exported, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.images import FileFacts, Frame

USUAL = "error_q95"
AT_ONCE = 256
"""Images whose reconstructions are in memory together."""
EMPTY_IMAGES = np.zeros((0, 0, 0, 0), np.float32)
"""In place of reconstructions that nobody looks at: they would be copied out of the network."""
REMEMBERED = 2_000
"""At most so many held-out errors, and encoded images for the covariance, go into the State."""


@final
@dataclass(frozen=True)
class Autoencoder(AutoencoderSettings, Extractor):
    """Learns to reconstruct good images; how an image is missed, and its code, are its features.

    What it sees: what the training images do not have: noise, blur, compression, contrast, foreign objects,
    black and constant frames (errors and their grain), and brightness, colour cast, rotation, other scenes
    (the code). It needs no pretrained network and knows nothing but F, so it serves for any kind of image.

    What it misses: change that the reduction to `side` removes (faint noise in large photographs), change of
    meaning that looks alike pixel by pixel, what lies outside the middle square (`framing: squeeze` sees
    it), whatever `augment` teaches it to accept.

    Statistic: nine numbers an image (view `error`): the training loss; log MSE at scales 1, 1/2, 1/4;
    log(1 - SSIM); log of error per gradient energy; log ratio of the residual's Laplacian energy at full
    and half size, of all channels and of colour alone; log Mahalanobis distance of the code. Always against
    the image as given, and to be tested two-sided: blurred and black frames are reconstructed *better* than
    good ones. The code itself (view `latent`) goes into MMD.

    Cost: about 1 ms an image on one CPU core at 64 pixels; training is 2 to 60 passes over F.
    PCA (below 500 images) takes a second.

    Reference: Vincent et al. 2008 (denoising); Rabanser et al. 2019 (shift detection); Denouden et al. 2018
    (Mahalanobis); Bouman & Heskes 2025 (reconstructed better); Wang et al. 2004 (SSIM); Ledoit & Wolf 2004.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[View, ...]] = (
        View(
            "error",
            family="reconstruction",
            detector="reconstruction",
            quick=True,
            loss=True,
            strange="detail (rebuilt otherwise than good images)",
        ),
        View(
            "latent",
            family="latent",
            detector="mmd",
            gate="advisory",
            rounded=True,
            portrait=3,
            clustered=True,
            strange="shapes and colours as the autoencoder sees them",
        ),
    )
    heats: ClassVar[tuple[tuple[str, str], ...]] = (
        ("error", "how many times worse a place is rebuilt than 95 % of good images are at that place"),
    )
    place: ClassVar[int] = 20
    by_default: ClassVar[bool] = True
    holdout: ClassVar[float] = 0.5
    learns: ClassVar[bool] = True

    @property
    def decode_side(self) -> int:
        """The side; 64 while it is undecided."""
        return 64 if self.side == "auto" else self.side

    def resolve(self, facts: Sequence[FileFacts]) -> Autoencoder:
        """Side and channels decided: 28 x 28 digits stay 28, photographs become 64."""
        side, channels = self.side, self.channels
        if side == "auto":
            median = float(np.median([min(fact.width, fact.height) for fact in facts])) if facts else 64.0
            side = int(min(64, max(16, -(-median // 4) * 4)))
        if channels == "auto":
            channels = 1 if facts and all(fact.grey for fact in facts) else 3
        return replace(self, side=side, channels=channels)

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The middle square, or the whole image."""
        if self.framing == "squeeze":
            return super().seen(width, height)
        square = min(width, height)
        left, top = (width - square) / 2, (height - square) / 2
        return left, top, left + square, top + square

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, channels], reduced with antialiasing; an unresolved auto is 64 and colour.

        By the Hamming kernel, whose rows of weights are a third as long as Lanczos' (version 1, and whatever has to be
        enlarged) and let more of noise and blur through.
        """
        side = self.decode_side
        image = frame.image if frame.version == 1 else frame.reduced(side * 3 // 2)
        mode = "L" if self.channels == 1 else "RGB"
        image = image if image.mode == mode else image.convert(mode)
        reduces = frame.version > 1 and min(image.size) > side
        kernel = Image.Resampling.HAMMING if reduces else Image.Resampling.LANCZOS
        small = image.resize((side, side), kernel, box=self.seen(*image.size))
        return np.asarray(small, np.uint8).reshape(side, side, -1)

    def arrays(self, state: State) -> tuple[Array, ...]:
        """As `fit` learns them; weights of a trained network are held to the network where torch builds it."""
        side, channels = self.side, self.channels
        if side == "auto" or channels == "auto" or "architecture" not in state:
            raise ContentError("does not say what it was learnt with")
        weights: tuple[Array, ...] = (Array("weight.*", "float32"),)
        if text(state, "architecture") == "pca":
            weights = (
                Array("weight.mean", "float32", (side, side, channels)),
                Array("weight.directions", "float32", ("code", side * side * channels)),
            )
        return (
            Array("architecture", "uint8", ("letters",)),
            *weights,
            Array("loss_curve", "float32", ("*", 2), nan=True),
            Array("code_mean", "float32", ("maps",), group="code"),
            Array("code_directions", "float32", ("columns of latent", "maps"), group="code"),
            Array("latent_mean", "float64", ("columns of latent",)),
            Array("latent_covariance", "float64", ("columns of latent", "columns of latent")),
            Array("held_out_errors", "float32", ("*", "columns of error"), nan=True),
            Array("residual_p99", "float32", (side, side), least=0.0),
            *session.ARRAYS,
        )

    def agree(self, state: State, widths: Mapping[str, int]) -> None:
        """A known architecture, a covariance with an inverse, and columns as these settings give them."""
        if text(state, "architecture") not in {"conv", "pca", "maxpool"}:
            raise ContentError("has an architecture that no fit learns")
        if widths["error"] != len(self.columns("error")):
            raise ContentError(f"measures {widths['error']} errors, not {len(self.columns('error'))}")
        try:
            whole = bool(np.isfinite(np.linalg.inv(state["latent_covariance"])).all())
        except np.linalg.LinAlgError:
            whole = False
        if not whole:
            raise ContentError("has a 'latent_covariance' without an inverse")

    def usual_arrays(self) -> tuple[Array, ...]:
        """As `usual` measures them."""
        side = 0 if self.side == "auto" else self.side
        return (Array(USUAL, "float16", (side, side), least=0.0, group=USUAL),)

    def fit(self, prepared: NDArray[Any] | Rows, seed: int, runtime: Runtime) -> State:
        """Learn from uint8 [n, s, s, c].

        State: `architecture` (its name in bytes), `weight.*`, `loss_curve` [epochs, 2] (training, held
        out), `latent_mean` [k] and `latent_covariance` [k, k] of F, and of its held-out part
        `held_out_errors` [v, 9] and `residual_p99` [s, s] (of |x - reconstruction|, worst channel).
        Raises InternalError when training diverges.
        """
        order = np.random.default_rng(seed).permutation(len(prepared))
        count = int(len(prepared) * self.validation)
        held, trained = Rows(prepared, order[:count]), Rows(prepared, order[count:])
        architecture = self.decided(len(prepared))
        learnt: dict[str, NDArray[Any]] = {"architecture": np.frombuffer(architecture.encode(), np.uint8)}
        if architecture == "pca":
            some = trained[_pca.sample(len(trained), seed)]
            flat = some.reshape(len(some), -1) / np.float32(255)
            mean, learnt["weight.directions"] = _pca.fit(flat, self.latent, seed)
            learnt["weight.mean"] = mean.reshape(prepared.shape[1:])
            learnt["loss_curve"] = np.zeros((0, 2), np.float32)
        else:
            from driftcli.extractors import _training

            learnt |= _training.train(trained, held, self, seed, runtime)
        learnt |= self._exported(learnt, prepared.shape[1:], runtime)
        return self._refer(learnt, trained, held, seed, runtime)

    def _exported(
        self, learnt: State, shape: tuple[int, ...], runtime: Runtime
    ) -> Mapping[str, NDArray[Any]]:
        """What was learnt as a graph that needs no torch; {} where it would be too large, or torch sees otherwise."""
        from driftcli.extractors import _autoencoder_graph as _graph

        if not _graph.exportable(learnt):
            return {}
        architecture = learnt["architecture"].tobytes().decode()
        content = _graph.export(learnt, architecture, (shape[0], shape[1], shape[2]), self.loss)
        looked = exported.probes(shape[0], shape[2])
        ((image, code),) = self._passes(learnt, looked, runtime)
        scored = _errors.scores(looked, image, self.loss)
        expected: dict[str, NDArray[Any]] = {
            "image": image,
            "code": code,
            _scores_graph.output_name(self.loss): scored,
        }
        return exported.believed(session.packed(content), looked, expected, runtime)

    def _refer(
        self,
        learnt: dict[str, NDArray[Any]],
        trained: Rows,
        held: Rows,
        seed: int,
        runtime: Runtime,
    ) -> State:
        """What good images look like to the trained network: codes of F, errors of its held-out part."""
        seen = np.concatenate([held[:REMEMBERED], trained[:REMEMBERED]])[:REMEMBERED]
        codes = self._made(learnt, seen, runtime, "code")
        if codes.shape[1] > self.latent:  # maps, not a vector: their principal components are the latent
            learnt["code_mean"], learnt["code_directions"] = _pca.fit(codes, self.latent, seed)
            codes = _pca.project(codes, learnt["code_mean"], learnt["code_directions"])
        learnt["latent_mean"], learnt["latent_covariance"] = _errors.shrunk_covariance(codes)
        honest = (held if len(held) else trained)[:REMEMBERED]
        learnt["held_out_errors"] = self.extract(learnt, honest, runtime)["error"]
        residual = [
            _errors.residuals(some, self.reconstruct(learnt, some, runtime))
            for some in np.split(honest, range(AT_ONCE, len(honest), AT_ONCE))
        ]
        learnt["residual_p99"] = np.quantile(np.concatenate(residual), 0.99, axis=0).astype(np.float32)
        return learnt

    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """`error` [n, 9] (see `columns`; one fewer for grey, two more with the notebook's figures), scored against the input as given, and `latent` [n, k]."""
        precision = np.linalg.inv(state["latent_covariance"])
        columns, k = len(self._columns(prepared.shape[3])), len(state["latent_mean"])
        errors, codes = [np.zeros((0, columns), np.float32)], [np.zeros((0, k), np.float32)]
        for images, image, code, scored in self._scored(state, prepared, runtime):
            latent = code
            if "code_mean" in state:
                latent = _pca.project(code, state["code_mean"], state["code_directions"])
            away = _errors.distances(latent, state["latent_mean"], precision)
            own = self._notebook(state, images, image, runtime)
            row = np.column_stack([scored, away, *own]).astype(np.float32)
            row[~np.isfinite(code).all(axis=1)] = np.nan  # rectifiers may have made numbers of it again
            errors.append(row)
            codes.append(latent)
        return {"error": np.concatenate(errors), "latent": np.concatenate(codes)}

    def _scored(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Iterator[tuple[NDArray[Any], ...]]:
        """Some images after others, what becomes of them, their codes and their scores.

        The exported network measures in float32; torch's reconstructions are measured here, in float64.
        """
        if exported.serves(state, runtime):
            network, names = session.load(state), ["code", _scores_graph.output_name(self.loss)]
            names = ["image", *names] if self.notebook_figures else names
            for start in range(0, len(prepared), AT_ONCE):
                images = prepared[start : start + AT_ONCE]
                found = network.run(images, names)
                image = found.pop(0) if self.notebook_figures else EMPTY_IMAGES
                yield (images, image, *found)
            return
        start = 0
        for image, code in self._passes(state, prepared, runtime):
            images = prepared[start : start + len(code)]
            yield images, image, code, _errors.scores(images, image, self.loss)
            start += len(code)

    def _notebook(
        self, state: State, images: NDArray[Any], made: NDArray[np.float32], runtime: Runtime
    ) -> list[NDArray[np.float64]]:
        """The notebook's two figures of each image, [n, 2], where they are asked for."""
        if not self.notebook_figures:
            return []
        restored = self.reconstruct(state, _errors.noisy(images, self.noise), runtime)
        return [_errors.as_in_the_notebook(images, restored, made, self.loss)]

    def reconstruct(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> NDArray[np.float32]:
        """float32 [n, s, s, c] in [0, 1]: what the network makes of each image."""
        if not len(prepared):
            return np.zeros(prepared.shape, np.float32)
        return self._made(state, prepared, runtime, "image")

    def usual(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> State:
        """`error_q95` [side, side]: the error that 95 % of good images stay below, pixel by pixel."""
        errors = _errors.residuals(prepared, self.reconstruct(state, prepared, runtime))
        return {USUAL: np.quantile(errors, 0.95, axis=0).astype(np.float16)}

    def heat(self, view: str, shown: Shown) -> HeatMaps | None:
        """Each pixel's error in multiples of what is usual there; the code keeps no places."""
        if view != "error" or shown.reconstructed is None:
            return None
        # artifacts made before `usual` was measured have only what `fit` did
        usual, whose = shown.state["residual_p99"], "99 % of the images that `fit` did not train on"
        if USUAL in shown.usual:
            usual, whose = shown.usual[USUAL].astype(np.float32), "95 % of good images"
        errors = _errors.residuals(shown.prepared, shown.reconstructed)
        return HeatMaps(
            _errors.relative(errors, usual), 1.0, f"× the error that {whose} stay below at that place"
        )

    def _made(self, state: State, prepared: NDArray[Any], runtime: Runtime, what: str) -> NDArray[np.float32]:
        """`image` or `code` of every image; at least one."""
        if exported.serves(state, runtime):
            return session.load(state).run(prepared, [what])[0]
        place = ("image", "code").index(what)
        return np.concatenate([made[place] for made in self._passes(state, prepared, runtime)])

    def _passes(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Reconstructions and codes by torch or, for PCA, numpy."""
        architecture = bytes(state["architecture"].tobytes()).decode()
        if architecture == "pca":
            return _pca.passes(state, prepared)
        from driftcli.extractors import _conv

        return _conv.passes(state, architecture, self, prepared, resolve_device(runtime.device))

    def engine(self, state: State, runtime: Runtime) -> str:
        """`onnxruntime` where the State holds the network and the processor runs it."""
        if exported.serves(state, runtime):
            return "onnxruntime"
        return "" if state["architecture"].tobytes() == b"pca" else "torch"

    def warm(self, state: State, runtime: Runtime) -> None:
        """The exported network's session."""
        if exported.serves(state, runtime):
            session.load(state)

    def notes(self, state: State) -> Mapping[str, Any]:
        """Architecture, images' side, epochs and the losses of the kept weights."""
        found: dict[str, Any] = {"architecture": state["architecture"].tobytes().decode(), "side": self.side}
        curve = state["loss_curve"]
        if len(curve):
            judged = curve[:, 1] if np.isfinite(curve[:, 1]).all() else -np.arange(len(curve))
            kept = curve[int(np.argmin(judged))]
            found |= {"epochs": len(curve), "loss": float(kept[0])}
            found |= {"held_out_loss": float(kept[1])} if np.isfinite(kept[1]) else {}
        return found

    def columns(self, view: str) -> tuple[Column, ...]:
        """The errors (without colour grain for one channel); the latent's numbers mean nothing one by one."""
        if view != "error":
            return ()
        return self._columns(1 if self.channels == 1 else 3)

    def _columns(self, channels: int) -> tuple[Column, ...]:
        own = _errors.NOTEBOOK if self.notebook_figures else ()
        return (
            *(column for column in _errors.COLUMNS if channels != 1 or column.name != "log_colour_grain"),
            *own,
        )
