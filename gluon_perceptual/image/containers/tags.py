"""Directories of tags, of which TIFF files and EXIF data are made."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Mapping, NamedTuple

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WORDS = {**SIZES, 5: 4, 10: 4}  # bytes that are swapped together; the other types are single values
SHORT, LONG, RATIONAL, UNDEFINED, BYTE = 3, 4, 5, 7, 1
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 34665, 34853, 40965
DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY)
LARGEST = 2**26  # bytes of a tag's value
MOST_NUMBERS = 2**16  # the most that a tag may have to be read


@dataclass(frozen=True)
class Tag:
    """A value: TIFF's number for its type, how many items it has, and their bytes, little-endian."""

    kind: int
    count: int
    value: bytes

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of BYTE, SHORT, LONG or an offset."""
        letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(self.kind, "")
        return struct.unpack(f"<{self.count}{letter}", self.value) if letter and self.count <= MOST_NUMBERS else ()


class Entry(NamedTuple):
    """A value's type, how many items it has, and its place in the file; and the entry's own bytes."""

    kind: int
    length: int
    position: int
    raw: bytes


@dataclass(frozen=True)
class Directory:
    """A file with its byte order, entries by their codes, the offset of the next directory, and that offset's place."""

    data: bytes
    order: str
    entries: Mapping[int, Entry]
    next: int
    next_at: int

    def tag(self, code: int) -> Tag | None:
        """Return a value, or None if the tag is missing, incomplete or too large."""
        kind, count, position, _ = self.entries.get(code, (0, 0, 0, b""))
        size = SIZES.get(kind, 0) * count
        value = self.data[position : position + size]
        if not size or size > LARGEST or len(value) < size:
            return None
        word = WORDS[kind]
        if self.order == ">" and word > 1:
            value = b"".join(value[i : i + word][::-1] for i in range(0, size, word))
        return Tag(kind, count, value)

    def numbers(self, code: int) -> tuple[int, ...]:
        """Return the values of BYTE, SHORT or LONG; none if the tag is missing or of another type."""
        tag = self.tag(code)
        return tag.numbers if tag else ()

    def number(self, code: int, default: int | None = None) -> int:
        """Return the first of `numbers`, or the default; raises ValueError if there is neither."""
        number = next(iter(self.numbers(code)), default)
        if number is None:
            raise ValueError("a tag that is not a number")
        return number

    def set_number(self, data: bytearray, code: int, value: int) -> None:
        """Overwrite a tag's first value in `data` where it is a SHORT or LONG that holds the new one."""
        kind, _, position, _ = self.entries[code]
        letter = {SHORT: "H", LONG: "I"}.get(kind)
        if letter and value < 256 ** SIZES[kind]:
            struct.pack_into(self.order + letter, data, position, value)


def byte_order(data: bytes) -> tuple[str, bool]:
    """Return "<" or ">", and whether it is BigTIFF, with offsets of 8 bytes; raises ValueError."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise ValueError("no byte order mark")
    return order, struct.unpack_from(order + "H", data, 2)[0] == 43


def read_directory(data: bytes, offset: int | None = None) -> Directory:
    """Return a directory, the first one by default; raises ValueError or struct.error if it is damaged."""
    order, big = byte_order(data)
    if offset is None:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    number, width, field = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + number, data, offset)
    start = offset + struct.calcsize(number)
    if count > 65535 or start + width * count > len(data):
        raise ValueError("a directory that is cut off")
    entries: dict[int, Entry] = {}
    for at in range(start, start + width * count, width):
        code, kind, values = struct.unpack_from(order + "HH" + field, data, at)
        position = at + width - struct.calcsize(field)
        if SIZES.get(kind, 0) * values > struct.calcsize(field):
            (position,) = struct.unpack_from(order + field, data, position)
        entries.setdefault(code, Entry(kind, values, position, bytes(data[at : at + width])))
    next_at = start + width * count
    following = struct.unpack_from(order + field, data, next_at)[0] if next_at + 4 <= len(data) else 0
    return Directory(data, order, entries, following, next_at)


def number_in(data: bytes, code: int) -> int | None:
    """Return the number of a tag in the first directory, or None if that is missing or damaged."""
    try:
        return read_directory(data).number(code)
    except (ValueError, struct.error):
        return None


def directory_bytes(tags: Mapping[int, Tag], base: int) -> bytes:
    """Return the bytes of a directory at offset `base`, followed by its values, little-endian."""
    entries, values, after = [], [], base + 6 + 12 * len(tags)
    for code, tag in sorted(tags.items()):
        value = tag.value
        if len(value) > 4:
            value, behind = struct.pack("<I", after), value + b"\0" * (len(value) % 2)
            values.append(behind)
            after += len(behind)
        entries.append(struct.pack("<HHI", code, tag.kind, tag.count) + value.ljust(4, b"\0"))
    return struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4) + b"".join(values)


def nested_bytes(tags: Mapping[int, Tag], inner: Mapping[int, Mapping[int, Tag]], base: int) -> tuple[bytes, int]:
    """Return the directories `inner` followed by `tags`, which point to them; and the offset of `tags`."""
    written, tags = b"", dict(tags)
    for code, directory in inner.items():
        if directory:
            tags[code] = Tag(LONG, 1, struct.pack("<I", base + len(written)))
            written += directory_bytes(directory, base + len(written))
    return written + directory_bytes(tags, base + len(written)), base + len(written)


def all_tags(directory: Directory) -> dict[int, Tag]:
    """Return the complete values of a directory."""
    found = {code: directory.tag(code) for code in directory.entries if code not in DIRECTORIES}
    tags = {code: tag for code, tag in found.items() if tag}
    return tags if sum(len(tag.value) for tag in tags.values()) <= LARGEST else {}


def inner_tags(directory: Directory) -> dict[int, dict[int, Tag]]:
    """Return the complete values of the directories of EXIF and GPS, by the tags that point to them."""
    found = {}
    for code in (EXIF_DIRECTORY, GPS_DIRECTORY):
        try:
            found[code] = all_tags(read_directory(directory.data, directory.number(code)))
        except (ValueError, struct.error):
            continue
    return found
