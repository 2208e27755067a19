"""Pairs the arrays of a file with the parameters of a network, by names and shapes alone."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import takewhile, zip_longest
from typing import Iterable, Mapping

from ..errors import UserError

Shapes = Mapping[str, "tuple[int, ...]"]

NAME = re.compile(r"(?P<layer>.*?)[._]?(?P<kind>weight|bias|gamma|beta|running_mean|running_var)?$")


def match_names(
    wanted: Shapes,
    found: Shapes,
    optional: set[str] | frozenset[str] = frozenset(),
    prefixed_names: Mapping[str, str] | None = None,
) -> tuple[str, list[tuple[str, str]]]:
    """Pair a network's parameters with a file's arrays.

    Args:
        wanted: The network's structural names and shapes, in order of creation; 0 and -1 stand for any size.
        found: The file's names and shapes.
        optional: Parameters that the file may lack.
        prefixed_names: The parameters' prefixed names, by structural name.

    Returns:
        What the arrays were matched by, and the pairs (wanted, found): "names", which are the same; "numbers", which
        give the order of layers whose prefixed names otherwise agree; or "order", with kinds of layers and shapes.

    Raises:
        UserError: They do not fit, or the pairing would be a guess.
    """
    canonical = {canonical_name(name): name for name in found}
    if len(canonical) < len(found):
        raise UserError("two of its arrays have the same name except for arg: and aux:")
    present = {name: shape for name, shape in wanted.items() if name in canonical or name not in optional}
    if set(present) & set(canonical):
        _check_same_names(present, {name: found[source] for name, source in canonical.items()})
        pairs = [(name, canonical[name]) for name in present]
        for name, source in pairs:
            if not fits(present[name], found[source]):
                raise UserError(f"{name} is {present[name]} in the network and {found[source]} in the file")
        return "names", pairs
    present = {name: shape for name, shape in wanted.items() if name not in optional}
    if prefixed_names is not None:
        sources = dict(zip(_keys_by_number(canonical), found))
        by_number = dict(zip(_keys_by_number([prefixed_names[name] for name in present]), present))
        pairs = [(name, sources[key]) for key, name in by_number.items() if key in sources]
        if len(pairs) == len(present) == len(found) and all(fits(present[a], found[b]) for a, b in pairs):
            return "numbers", pairs
    return "order", _match_by_order(present, found)


def match_common(wanted: Shapes, found: Shapes) -> list[tuple[str, str]]:
    """Pair what has the same name and fits, and ignore the rest."""
    canonical = {canonical_name(name): name for name in found}
    return [(a, canonical[a]) for a in wanted if a in canonical and fits(wanted[a], found[canonical[a]])]


def canonical_name(name: str) -> str:
    """Return a name without `arg:` or `aux:`, and with `running_` instead of the Module API's `moving_`."""
    name = re.sub(r"^(arg|aux):", "", name)
    return re.sub(r"moving_(mean|var)$", r"running_\1", name)


def fits(wanted: tuple[int, ...], found: tuple[int, ...]) -> bool:
    """Return whether an array's shape fits a parameter's; 0 and -1 are sizes that Gluon does not know yet."""
    return len(wanted) == len(found) and all(b > 0 and a in (b, 0, -1) for a, b in zip(wanted, found))


def _check_same_names(wanted: Shapes, found: Shapes) -> None:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    if missing:
        near = get_close_matches(missing[0], extra, 1)
        hint = f"; its {near[0]} {found[near[0]]} is nearest" if near else ""
        first = f"{missing[0]} {wanted[missing[0]]}"
        raise UserError(f"it lacks {len(missing)} of {len(wanted)} parameters, first {first}{hint}")
    if extra:
        raise UserError(f"it has {len(extra)} arrays that the network lacks, first {extra[0]} {found[extra[0]]}")


def _split(name: str) -> tuple[str, str]:
    """Return the layer's name and the parameter's kind: "conv0_weight" -> ("conv0", "weight"); "x3" -> ("x3", "")."""
    match = NAME.match(canonical_name(name))
    return (match["layer"], match["kind"] or "") if match else (name, "")


def _pattern(layer: str) -> str:
    return re.sub(r"\d+", "#", layer)


def _numbers(layer: str) -> list[tuple[int, str]]:
    return [_as_number(digits) for digits in re.findall(r"\d+", layer)]


def _as_number(digits: str) -> tuple[int, str]:
    """Return what sorts digits as the number: Python's own conversion ends at 4,300 of them."""
    digits = digits.lstrip("0")
    return len(digits), digits


def natural_order(name: str) -> list[str | tuple[int, str]]:
    """Return a key that sorts "conv2" before "conv10"."""
    return [_as_number(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _keys_by_number(names: Iterable[str]) -> list[tuple[str, int, str]]:
    """Return keys without prefixes and counters: (layer's name with digits as "#", its rank among such names, kind)."""
    split = [_split(name) for name in names]
    layers = {layer for layer, _ in split}
    words = [re.split(r"(?<=[._])", layer + "_") for layer in layers]
    start = sum(len(alike[0]) for alike in takewhile(lambda column: len(set(column)) == 1, zip(*words)))
    ranks: dict[str, int] = {}
    for pattern in {_pattern(layer[start:]) for layer in layers}:
        alike = sorted((layer for layer in layers if _pattern(layer[start:]) == pattern), key=_numbers)
        ranks.update({layer: rank for rank, layer in enumerate(alike)})
    return [(_pattern(layer[start:]), ranks[layer], kind) for layer, kind in split]


def _match_by_order(wanted: Shapes, found: Shapes) -> list[tuple[str, str]]:
    """Pair the layers of each signature in order; numbers in names and all shapes must agree."""
    named = any(kind for _, kind in map(_split, found))
    ours, theirs = _layers_by_signature(wanted, named), _layers_by_signature(found, named)
    if {key: len(group) for key, group in ours.items()} != {key: len(group) for key, group in theirs.items()}:
        raise UserError(_first_difference(wanted, found, named))
    sources: dict[str, str] = {}
    for signature, group in ours.items():
        other = theirs[signature]
        layers = _in_creation_order(list(other))
        _check_order(layers, [tuple(found[name] for name in other[layer].values()) for layer in layers])
        for mine, layer in zip(group.values(), layers):
            sources.update({name: other[layer][kind] for kind, name in mine.items()})
    last: dict[str, list[tuple[int, str]]] = {}
    for name in wanted:
        source = sources[name]
        if not fits(wanted[name], found[source]):
            raise UserError(_side_by_side(f"{name} {wanted[name]}", f"{source} {found[source]}"))
        layer, _ = _split(source)
        if _numbers(layer) < last.get(_pattern(layer), []):
            raise UserError(f"which of its layers belongs to {name} is unclear: {source} fits, but not by its number")
        last[_pattern(layer)] = _numbers(layer)
    return [(name, sources[name]) for name in wanted]


def _layers_by_signature(shapes: Shapes, named: bool) -> dict[frozenset[tuple[str, int]], dict[str, dict[str, str]]]:
    """Return {signature: {layer: {kind: name}}}, in the order of `shapes`.

    A signature is the set of a layer's (kind, number of dimensions): layers of one signature may correspond. If the
    names do not tell the kinds, each parameter is a layer of its own, all of one signature.
    """
    layers: dict[str, dict[str, str]] = {}
    for name in shapes:
        layer, kind = _split(name) if named else (name, "")
        layers.setdefault(layer, {})[kind] = name
    groups: dict[frozenset[tuple[str, int]], dict[str, dict[str, str]]] = {}
    for layer, names in layers.items():
        signature = frozenset((kind, len(shapes[name]) if named else 0) for kind, name in names.items())
        groups.setdefault(signature, {})[layer] = names
    return groups


def _in_creation_order(layers: list[str]) -> list[str]:
    """Sort layers that differ only in numbers, conv2 before conv10; keep the file's order of others."""
    return sorted(layers, key=_numbers) if len({_pattern(layer) for layer in layers}) == 1 else layers


def _check_order(layers: list[str], shapes: list[tuple[tuple[int, ...], ...]]) -> None:
    """Raise UserError if layers are interchangeable and in alphabetical order, which may not be the network's.

    Numbers in the names indicate the network's order: "1.branch" comes before "2", "conv0" before "deconv0".
    """
    first: dict[tuple[tuple[int, ...], ...], str] = {}
    for layer, its_shapes in zip(layers if layers == sorted(layers) else (), shapes):
        other = first.setdefault(its_shapes, layer)
        differing = next(((a, b) for a, b in zip_longest(*map(_words, (other, layer)), fillvalue="") if a != b), ())
        if differing and not any(map(_numbers, differing)):
            raise UserError(f"{other} and {layer} are interchangeable, and the file's order is alphabetical")


def _words(layer: str) -> list[str]:
    return re.split(r"[._]", layer)


def _first_difference(wanted: Shapes, found: Shapes, named: bool) -> str:
    for a, b in zip_longest(wanted, found):
        if a is None or b is None or not fits(wanted[a], found[b]) or (named and _split(a)[1] != _split(b)[1]):
            return _side_by_side(a and f"{a} {wanted[a]}", b and f"{b} {found[b]}")
    return "its layers are arranged differently"


def _side_by_side(ours: str | None, theirs: str | None) -> str:
    return f"where the network has {ours or 'nothing'}, the file has {theirs or 'nothing'}"
