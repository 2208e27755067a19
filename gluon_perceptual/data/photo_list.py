"""Many photos in little memory: only keys are stored; the path or record of a photo is made on access."""

from __future__ import annotations

from typing import Any, Callable, Sequence, overload

from ..image.files import PictureFile

Key = Any  # identifies a photo, such as a file's name or a record's number


class PhotoList(Sequence[PictureFile]):
    """Photos by number, made from their keys on access; slices are lists of photos, too.

    Args:
        keys: What identifies each photo, such as file names; hashable.
        make: From a key to the photo.
    """

    def __init__(self, keys: Sequence[Key], make: Callable[[Key], PictureFile]) -> None:
        self.keys, self.make = keys, make

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> PictureFile: ...

    @overload
    def __getitem__(self, index: slice) -> PhotoList: ...

    def __getitem__(self, index: int | slice) -> PictureFile | PhotoList:
        return self.where(self.keys[index]) if isinstance(index, slice) else self.make(self.keys[index])

    def where(self, keys: Sequence[Key]) -> PhotoList:
        """Return the photos of these keys."""
        return PhotoList(keys, self.make)
