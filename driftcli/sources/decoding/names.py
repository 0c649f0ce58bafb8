"""What a file's name alone says: an image, something else, or not meant to be read at all."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


IMAGE = frozenset(
    _words(
        "jpg jpeg jpe jfif png apng webp bmp dib gif tif tiff ppm pgm pbm pnm mpo heic heif hif avif jp2 j2k jpx jxl psd"
    )
)
"""Extensions that promise an image: when such a file is none, it is unreadable, not passed over."""

OTHER = frozenset(
    _words(
        "txt text md markdown rst json jsonl csv tsv xml yaml yml toml ini cfg conf log html htm css js map "
        "pdf doc docx xls xlsx ppt pptx odt rtf zip tar gz tgz bz2 xz 7z rar zst "
        "py pyc ipynb sh bat c h cpp go rs java db sqlite sqlite3 parquet npy npz pkl pickle pt pth onnx ckpt "
        "h5 hdf5 mat safetensors tfrecord bin cls lock xmp aae md5 sha256 "
        "mp4 avi mov mkv webm m4v mpg mpeg mp3 wav flac ogg exe dll so"
    )
)
"""Extensions of files that lie beside images everywhere: passed over unread."""

_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "$recycle.bin"})
_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")


def extension(name: str) -> str:
    """The lower-case extension without its dot; of `a.tar.gz` it is `gz`."""
    base = name.rpartition("/")[2]
    stem, dot, end = base.rpartition(".")
    return end.lower() if dot and stem else ""


def promises_image(name: str) -> bool:
    """Whether the name says "image": what cannot be decoded under it counts as unreadable."""
    return extension(name) in IMAGE


def left_out(base: str) -> str | None:
    """Why a file or folder of this name is not even looked at, or None."""
    lower = base.lower()
    if lower in _SYSTEM:
        return "system"
    if lower.startswith("."):
        return "hidden"
    if lower.endswith(_TEMPORARY):
        return "temporary"
    return None


def passed_over(base: str) -> str | None:
    """Why a file of this name is not read, or None: `left_out`, or an extension of other things."""
    return left_out(base) or ("not_an_image" if extension(base) in OTHER else None)
