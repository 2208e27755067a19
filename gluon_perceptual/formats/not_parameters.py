"""What a file that holds no parameters is, by its first bytes: for a helpful message."""

from __future__ import annotations

import re

KINDS = {
    rb"version https://git-lfs": "a Git LFS pointer instead of the file: fetch it with `git lfs pull`",
    rb"(\xef\xbb\xbf)?\s*<(?i:!doctype\s+html|html|head|\?xml|!--)": "a web page (HTML) instead of the file: "
    "download it again, by the link to the file itself",
    rb"\x08[\x01-\x14](\x12.{0,40}|:|\x1a)[\s\S]*?(?i:onnx|pytorch|mxnet|conv|producer|input|graph)": "an ONNX model, "
    "which cannot be read: use the file that it was made from",
    rb"\x80[\x02-\x05]": "a pickle of something other than tensors, which is not read: it could run any code",
    rb"GGUF": "a GGUF model, which cannot be read",
    rb"....TFL3": "a TensorFlow Lite model, which cannot be read",
    rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!": "a compressed archive: unpack it first",
    rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|BM": "a picture",
    rb"%PDF": "a PDF document",
    rb"\s*(\{|\[\s*[\[{\"\d\]-])": "a JSON text",
}


def describe_other_file(start: bytes) -> str:
    """Return what a file with this start, of 262 bytes or more, is; or "" if it may contain parameters."""
    for pattern, kind in KINDS.items():
        if re.match(pattern, start, re.DOTALL):
            return kind
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    return "a text" if start and _is_text(start) else ""


def _is_text(start: bytes) -> bool:
    """Return whether bytes are printable UTF-8; the last character may be cut off."""
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        text = start[: error.start].decode() if error.start > len(start) - 4 else "\0"
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)
