"""`match_histogram`: give a picture the colors of another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..choices import ColorSpace, of
from ..errors import UserError
from ._command import Command
from ._console import tell
from ._options import quality_option
from ._types import InputFile, Number, OutputFile

if TYPE_CHECKING:
    import numpy as np

    from ..image.io import Picture


def parse_bands(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return (1, 3) for "1,3"."""
    bands = [band.strip() for band in text.split(",")]
    if not set(bands) <= {"1", "2", "3"}:
        raise click.BadParameter(f"{text!r} is not a list of bands: expected some of 1, 2 and 3, such as 1,2,3")
    return tuple(int(band) for band in bands)


@click.command(cls=Command)
@click.argument("source", metavar="SRC", type=InputFile())
@click.argument("reference", metavar="REF", type=InputFile())
@click.argument("target", metavar="DST", type=OutputFile())
@click.option(
    "-c",
    "--color-space",
    type=click.Choice(of(ColorSpace), case_sensitive=False),
    default="RGB",
    help="Color space to match in.",
)
@click.option("-b", "--bands", default="1,2,3", callback=parse_bands, help="Bands of the color space to match.")
@click.option("-m", "--match-proportion", type=Number(0, 1), default=1.0, help="From 0, no change, to 1, full match.")
@quality_option
@click.option(
    "--plot", is_flag=True, help="Also write a figure of pictures, histograms and CDFs, named after DST with _plot.png."
)
def match_histogram(source: str, reference: str, target: str, quality: int | None, plot: bool, **how: Any) -> None:
    """Give SRC the histogram of REF, band by band, and write it to DST.

    Alpha, depth, color profile, georeference and the like are SRC's; pixels that are fully transparent, or that a map
    marks as having no data, neither count nor change. A gray SRC needs a gray REF; color space and bands do not matter
    then.
    """
    import numpy as np

    from ..figures import histogram_figure, save_figure
    from ..image.formats import format_for
    from ..image.io import check_writable, read_picture, write_picture

    format_for(Path(target))
    source_picture, reference_picture = read_picture(source), read_picture(reference)
    check_writable(Path(target), source_picture)
    is_gray = source_picture.is_gray
    if is_gray and not reference_picture.is_gray:
        raise UserError(f"{source} is gray, but {reference} has colors: make the second gray, or the first RGB")
    before = visible(source_picture, source_picture.color)
    wanted = visible(reference_picture, reference_picture.color if is_gray else reference_picture.rgb)
    if np.ma.getmaskarray(wanted).all():
        raise UserError(f"{reference}: no pixel is visible, so there is no histogram to match; give another picture")
    after = matched(before, wanted, **how)
    write_picture(target, replace(source_picture, color=np.ma.getdata(after)), quality)
    tell(target)
    if plot:
        path = Path(target).with_name(f"{Path(target).stem}_plot.png")
        save_figure(histogram_figure(before, wanted, after, how["color_space"], how["bands"]), path)
        tell(str(path))


def matched(
    before: np.ndarray, wanted: np.ndarray, color_space: ColorSpace, bands: tuple[int, ...], match_proportion: float
) -> np.ndarray:
    """Return `before`, gray or RGB, with the histogram of `wanted`; color space and bands are for RGB."""
    from ..image.histogram import match_band, match_images

    if before.ndim == 2:
        return match_band(before, wanted, match_proportion)
    return match_images(before, wanted, color_space, bands, match_proportion)


def visible(picture: Picture, color: np.ndarray) -> np.ndarray:
    """Return `color`, masked where the picture is fully transparent or has no data."""
    import numpy as np

    hidden = np.zeros(color.shape[:2], bool) if picture.alpha is None else picture.alpha == 0
    if picture.metadata.nodata is not None:
        hidden |= (np.atleast_3d(picture.color) == picture.metadata.nodata).all(axis=2)
    if not hidden.any():
        return color
    return np.ma.array(color, mask=hidden if color.ndim == 2 else np.dstack([hidden] * 3))
