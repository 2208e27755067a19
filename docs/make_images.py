"""Makes the pictures of the README and the documents from the models that ship: `python docs/make_images.py`.

No model was trained on any of the photos: scikit-image's, matplotlib's, and those of docs/photos.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import skimage.data
from matplotlib.cbook import get_sample_data

import gluon_perceptual
from gluon_perceptual.evaluation.super_resolution import bicubic, center_pair
from gluon_perceptual.figures import comparison_figure, save_figure
from gluon_perceptual.image.io import Picture, read_rgb, write_picture
from gluon_perceptual.image.jpeg import compress
from gluon_perceptual.image.resize import resize_longest_side
from gluon_perceptual.inference import Stylizer, Upscaler
from gluon_perceptual.weights import DEFAULTS, models

FOLDER = Path(__file__).parent / "images"
EXAMPLES = Path(gluon_perceptual.__file__).parent / "app/static/examples"  # of what each model does, for the page
SIDE = 160  # of the pieces of photos that are shown enlarged, in pixels
QUALITY = 75  # of JPEG files


def main() -> None:
    """Write all pictures."""
    face, eyes = skimage.data.astronaut()[:260, 90:350], skimage.data.chelsea()[20:300, 80:360]
    cup = skimage.data.coffee()[60:300, 190:430]
    save_figure(enlarged([(face, 2), (eyes, 2), (cup, 4)]), FOLDER / "enlarged.jpg", QUALITY)
    for scale in (4, 8):
        methods = {
            name: Upscaler(name)
            for name in models("super-resolution")
            if name.startswith(f"sr_x{scale}_") and "web" not in name
        }
        if methods:
            save_figure(
                compared({"bicubic": bicubic(scale), **methods}, [face, eyes, cup], scale),
                FOLDER / f"x{scale}.jpg",
                QUALITY,
            )
    if models("style"):
        save_figure(painted([skimage.data.chelsea(), skimage.data.coffee()]), FOLDER / "styles.jpg", QUALITY)
    for name, entry in models().items():
        write_picture(EXAMPLES / f"{name}.jpg", Picture(example(name, entry)), quality=85)
    for name in models("style"):
        save_figure(sheet(Stylizer(name), style_photos()), FOLDER / f"{name}.jpg", QUALITY)


def enlarged(photos: list[tuple[np.ndarray, int]]) -> Any:
    """Return the README's figure: input, bicubic enlargement, ours, and the truth."""
    rows = []
    for photo, scale in photos:
        low, truth = center_pair(photo, scale, SIDE)
        rows.append([low, bicubic(scale)(low), Upscaler(DEFAULTS[scale])(low), truth])
    return comparison_figure(["input", "bicubic", "gluon_perceptual", "truth"], rows)


def example(name: str, entry: dict[str, Any]) -> np.ndarray:
    """Return a picture without and with a model, side by side, (112, 224, 3)."""
    if entry["kind"] == "style":
        photo = skimage.data.chelsea()[:300, 75:375]
        return np.hstack([resize_longest_side(image, 112) for image in (photo, Stylizer(name)(photo))])
    scale, (low, _) = entry["scale"], center_pair(skimage.data.astronaut()[60:200, 160:300], entry["scale"], 112)
    if entry["inputs"] == "web":
        low = compress(low, 50)
    return np.hstack([low.repeat(scale, axis=0).repeat(scale, axis=1), Upscaler(name)(low)])


def compared(methods: dict[str, Callable[[np.ndarray], np.ndarray]], photos: list[np.ndarray], scale: int) -> Any:
    """Return the figure of a scale's models."""
    pairs = [center_pair(photo, scale, SIDE) for photo in photos]
    rows = [[*(enlarge(low) for enlarge in methods.values()), truth] for low, truth in pairs]
    return comparison_figure([*methods, "truth"], rows)


def painted(photos: list[np.ndarray]) -> Any:
    """Return the figure of the styles."""
    styles, small = (
        {name: Stylizer(name) for name in models("style")},
        [resize_longest_side(photo, 384) for photo in photos],
    )
    return comparison_figure(
        ["photo", *styles], [[photo, *(paint(photo) for paint in styles.values())] for photo in small]
    )


def style_photos() -> list[np.ndarray]:
    """Return twelve photos (H, W, 3): faces, skies, snow, buildings, flat objects, the dark."""
    owned = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    hopper = read_rgb(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    photos = [*owned, hopper, *(read_rgb(path) for path in sorted((FOLDER.parent / "photos").glob("*.jpg")))]
    return [four_by_three(resize_longest_side(photo, 512)) for photo in photos]


def four_by_three(photo: np.ndarray) -> np.ndarray:
    """Cut the middle of (H, W, 3), of the largest size with sides as 3 to 4."""
    height, width = photo.shape[:2]
    rows, columns = min(height, width * 3 // 4), min(width, height * 4 // 3)
    top, left = (height - rows) // 2, (width - columns) // 2
    return photo[top : top + rows, left : left + columns]


def sheet(paint: Stylizer, photos: list[np.ndarray]) -> Any:
    """Return the figure of a style: four rows of three photos, each beside its result."""
    pairs = [(photo, paint(photo)) for photo in photos]
    rows = [[picture for pair in pairs[i : i + 3] for picture in pair] for i in range(0, len(pairs), 3)]
    return comparison_figure([""] * 6, rows)


if __name__ == "__main__":
    main()
