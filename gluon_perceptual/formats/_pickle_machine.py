"""Reads pickles without Python's unpickler: data is returned, and what would be code stays a name.

Classes and functions are not looked up, so nothing in a file can run; their results are represented by `Made`, which
holds the name and the arguments. Instructions are read by `pickletools` of the standard library.
"""

from __future__ import annotations

import pickletools
from typing import Any, BinaryIO, Callable, NamedTuple

MOST_BYTES = 4 << 20  # of instructions: about 20,000 arrays, and up to 300 MB of memory
CONSTANTS: dict[str, Callable[[], object]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
LITERALS = (
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
)  # fmt: skip
NOTHING = ("PROTO", "FRAME")
LONGEST_INTEGER = 1 << 80  # no size is larger, and Python takes minutes to print huge ones


Value = Any  # type: ignore[explicit-any]  # what a pickle can hold: numbers, texts, None, lists, tuples, dicts, and what is below


class Name(NamedTuple):
    """A class or function, as a file names it."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


ORDERED = Name("collections", "OrderedDict")


class Made(NamedTuple):
    """What a call of `maker` with `arguments` would have made."""

    maker: Value
    arguments: Value


class Reference(NamedTuple):
    """What a pickle refers to outside of itself."""

    key: Value


def read_pickle(file: BinaryIO, references: list[Reference] | None = None) -> Value:
    """Follow one pickle's instructions to its end, and return its content: numbers, texts, lists, dicts, `Made`.

    Entries of dicts whose key is not a text are left out. All references are also added to `references`.

    Raises:
        ValueError: The instructions are invalid, or do not belong in a file of arrays.
    """
    machine = _Machine([] if references is None else references)
    start = file.tell()
    try:
        for opcode, argument, position in pickletools.genops(file):
            if (position or 0) - start > MOST_BYTES:
                raise ValueError(f"over {MOST_BYTES} bytes of instructions")
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.follow(opcode.name, argument)
    except (IndexError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged pickle ({error!r})") from error
    raise ValueError("a pickle without an end")


def _ordered(pairs: Value = None) -> dict[str, Value]:
    """Return the dict of the pairs from which Python 2 makes an OrderedDict; Python 3 fills it afterwards."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        raise ValueError("an OrderedDict made of something other than pairs")
    made = {key: value for key, value in pairs if isinstance(key, str)}
    pairs.clear()  # a list that is used again and again would fill the memory
    return made


class _Machine:
    """The stack and the memory of an unpickler; each method implements the instruction of its name."""

    def __init__(self, references: list[Reference]) -> None:
        self.references = references
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.memory: dict[int, Value] = {}

    def follow(self, name: str, argument: Value) -> None:
        """Follow an instruction."""
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in LITERALS:
            if isinstance(argument, int) and abs(argument) > LONGEST_INTEGER:
                raise ValueError("a number of over 80 bits")
            self.stack.append(argument)
        elif name not in NOTHING:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise ValueError(f"the instruction {name}, which does not belong in a file of arrays")
            method(argument)

    def _since_mark(self) -> list[Value]:
        place = self.marks.pop()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def _mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def _put(self, number: int) -> None:
        self.memory[number] = self.stack[-1]

    def _memoize(self, _: None) -> None:
        self.memory[len(self.memory)] = self.stack[-1]

    def _get(self, number: int) -> None:
        self.stack.append(self.memory[number])

    def _pop(self, _: None) -> None:
        self.stack.pop()

    def _tuple(self, _: None) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _: None) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def _tuple2(self, _: None) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _tuple3(self, _: None) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def _append(self, _: None) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: None) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[Value]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _setitems(self, _: None) -> None:
        self._update(self._since_mark())

    def _update(self, values: list[Value]) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update({key: value for key, value in zip(values[::2], values[1::2]) if isinstance(key, str)})

    def _global(self, argument: str) -> None:
        self.stack.append(Name(*argument.split(" ", 1)))

    def _stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(Name(module, name) if isinstance(module, str) and isinstance(name, str) else None)

    def _reduce(self, _: None) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        self.stack.append(_ordered(*arguments[:1]) if maker == ORDERED else Made(maker, arguments))

    def _newobj_ex(self, _: None) -> None:
        self.stack.pop()
        self._reduce(None)

    def _build(self, _: None) -> None:
        self.stack.pop()  # a state; those of dicts and tensors do not matter

    def _binpersid(self, _: None) -> None:
        self.references.append(Reference(self.stack.pop()))
        self.stack.append(self.references[-1])

    _binput = _long_binput = _put
    _binget = _long_binget = _get
    _additems, _newobj = _appends, _reduce
