"""A page for each model that ships, made from the manifest, the model's description and the pictures in docs/images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS, IMAGES = ROOT / "gluon_perceptual/weights", ROOT / "docs/images"
# The scores in the manifest, in the order of the columns, and how they are written.
SCORES = {
    "psnr": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "relu2_2": ("relu2_2", "{:.0f}"),
    "relu4_3": ("relu4_3", "{:.0f}"),
    "ciede2000": ("CIEDE2000", "{:.2f}"),
    "weave": ("weave", "{:.2f}"),
    "worst_weave": ("worst tenth", "{:.2f}"),
    "clipped": ("clipped", "{:.1%}"),
    "blobs": ("blobs", "{:.1%}"),
    "color_noise": ("color noise", "{:.2f}"),
    "edges": ("edges", "{:.2f}"),
}
CLEAN = (
    "It was trained on pictures without visible damage, reduced by bicubic interpolation. It enlarges noise and the "
    "blocks of strong JPEG compression with the rest of the picture"
)
WEB = "On clean photos it has lower scores than the models for clean photos of the same scale."
SCALES = {
    4: "At ×4 fine texture is plausible rather than true.",
    8: "At ×8 one pixel becomes 64: letters, faces and fine texture do not come back.",
}
STYLE = (
    "Details smaller than a stroke can get lost, small faces among them. Colors come from the painting unless "
    "`--preserve-color` keeps the photo's. In [videos](../video.md) flicker is reduced."
)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    manifest = json.loads((WEIGHTS / "manifest.json").read_text(encoding="utf-8"))
    models = {Path(file).stem: entry for file, entry in manifest.items() if "kind" in entry}
    for name in models:
        files.append(File.generated(config, f"models/{name}.md", content="\n\n".join(sections(name, models))))
    return files


def sections(name: str, models: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the parts of a model's page."""
    entry = models[name]
    command = "stylize" if entry["kind"] == "style" else "upscale"
    yield f"# {name}\n\nThis model {entry['what']}."
    yield f"    python tools/{command}.py photo.jpg --model {name}"
    yield from pictures("styles" if command == "stylize" else f"x{entry['scale']}")
    yield table(("", ""), facts(name, entry))
    if entry["scores"]:
        yield "## Scores\n\n" + scores(entry["scores"])
        guide = "styles.md#how-good-a-style-is" if command == "stylize" else "models.md#how-good-they-are"
        yield f"[This guide](../{guide}) compares all models and explains the scores."
    yield "## Training\n\nThe commands, in this order; `photos` stands for a folder of photos:"
    yield "\n".join(f"    python tools/{step.replace(' ', '.py ', 1)}" for step in entry["recipe"])
    yield from pictures(name)
    yield f"## Limits\n\n{limits(entry, models)}"


def facts(name: str, entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield names and values of the facts about a model."""
    spec = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    arguments = ", ".join(f"{key}={value!r}" for key, value in spec["arguments"].items())
    yield "Network", f"`{spec['network']}({arguments})`"
    yield "Training data", entry["data"]
    yield ("Training", f"{entry['steps']:,} steps, {entry['hours']} hours on {entry['device']}")
    if "changes" in entry:
        yield "Changes", entry["changes"]
    yield "License", entry["license"]
    size = (WEIGHTS / f"{name}.params").stat().st_size / 1e6
    yield "File", f"`gluon_perceptual/weights/{name}.params`, {size:.1f} MB, {entry['dtype']}"
    yield "SHA-256", f"`{entry['sha256']}`"


def pictures(stem: str) -> Iterator[str]:
    """Yield the pictures in docs/images called `stem` or `stem_…`, as Markdown."""
    for path in sorted(IMAGES.iterdir()):
        if path.stem == stem or path.stem.startswith(f"{stem}_"):
            yield f"![{path.stem.replace('_', ' ')}](../images/{path.name})"


def scores(values: dict[str, dict[str, float]]) -> str:
    """Return the table of a model's scores, {data set: {score: value}}."""
    known = [score for score in SCORES if any(score in of_set for of_set in values.values())]
    rows = [
        (title, *(SCORES[score][1].format(of_set[score]) if score in of_set else "" for score in known))
        for title, of_set in values.items()
    ]
    return table(("", *(SCORES[score][0] for score in known)), rows)


def limits(entry: dict[str, Any], models: dict[str, dict[str, Any]]) -> str:
    """Return the text about a model's limits."""
    if entry["kind"] == "style":
        return STYLE
    if entry["inputs"] == "web":
        return WEB
    scale = entry["scale"]
    web = [name for name, other in models.items() if (other.get("inputs"), other.get("scale")) == ("web", scale)]
    remedy = "".join(f"; [{name}]({name}.md) removes them" for name in web)
    return f"{CLEAN}{remedy}. {SCALES.get(scale, '')}"


def table(head: tuple[str, ...], rows: Any) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))
