"""What a check cannot do without, in one process each: python _speed_bare.py TASK FOLDER [MORE].

`decode` / `scaled`: every photo decoded by N processes (simplejpeg if installed, or Pillow), whole or by the JPEG
decoder's own scaling to at least 256 px. `torch`: a DataLoader (batch 32, 2 workers) and the default network in torch,
features to MORE.npz. `forward`: that network in onnxruntime on N images' worth of noise, two threads.
`least`: imports, decoding and forward pass of the folder, one after the other.
"""

from __future__ import annotations

import importlib.util
import io
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

SIDE = 224
SHORT = 256


def photos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".jpg")


def decoded(task: tuple[Path, str, bool]) -> tuple[int, ...]:
    path, decoder, scaled = task
    data = path.read_bytes()
    if decoder == "simplejpeg":
        import simplejpeg

        smallest = {"min_height": SHORT, "min_width": SHORT, "min_factor": 1} if scaled else {}
        return simplejpeg.decode_jpeg(data, "RGB", **smallest).shape
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        if scaled:
            image.draft("RGB", (SHORT, SHORT))
        return np.asarray(image.convert("RGB")).shape


def decode(folder: Path, decoder: str, *, scaled: bool, processes: int) -> None:
    tasks = [(path, decoder, scaled) for path in photos(folder)]
    with ProcessPoolExecutor(processes) as pool:
        print(len(list(pool.map(decoded, tasks, chunksize=16))))


def network() -> object:
    import torch

    from driftcli.extractors.networks.lite0 import Lite0

    torch.manual_seed(0)  # weights cost the same whatever they are
    return Lite0(classifier=True).eval()


def by_torch(folder: Path, out: Path) -> None:
    import torch
    from PIL import Image
    from torchvision.transforms import functional

    class Folder(torch.utils.data.Dataset):
        paths = photos(folder)

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, i: int) -> torch.Tensor:
            with Image.open(self.paths[i]) as image:
                small = functional.center_crop(functional.resize(image.convert("RGB"), SHORT), SIDE)
            return functional.normalize(functional.to_tensor(small), [0.5] * 3, [0.5] * 3)

    model = network()
    batches = torch.utils.data.DataLoader(Folder(), batch_size=32, num_workers=2)
    with torch.no_grad():
        rows = [torch.cat(model(batch)[:-1], dim=1).numpy() for batch in batches]
    np.save(out, np.concatenate(rows))


def session(model: Path) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def export(model: Path) -> None:
    """The network as ONNX, made once and outside all times."""
    import torch

    torch.onnx.export(
        network(),
        (torch.zeros(2, 3, SIDE, SIDE),),
        str(model),
        dynamic_axes={"pixels": {0: "n"}},
        input_names=["pixels"],
        dynamo=False,
    )


def forward(model: Path, count: int) -> None:
    ran = session(model)
    batch = np.random.default_rng(0).normal(size=(min(32, count), 3, SIDE, SIDE)).astype("f")
    for start in range(0, count, len(batch)):
        ran.run(None, {"pixels": batch[: count - start]})


def least(folder: Path, model: Path) -> None:
    import PIL.Image

    import driftcli.audit.check
    import driftcli.cli.app  # noqa: F401

    decoder = "simplejpeg" if importlib.util.find_spec("simplejpeg") else "pillow"
    for path in photos(folder):
        decoded((path, decoder, False))
    forward(model, len(photos(folder)))
    assert PIL.Image


def main() -> None:
    task, folder, *more = sys.argv[1:]
    if task == "decode":
        decode(Path(folder), more[0], scaled=more[1] == "scaled", processes=int(more[2]))
    elif task == "torch":
        by_torch(Path(folder), Path(more[0]))
    elif task == "export":
        export(Path(folder))
    elif task == "forward":
        forward(Path(folder), int(more[0]))
    else:
        least(Path(folder), Path(more[0]))


if __name__ == "__main__":
    main()
