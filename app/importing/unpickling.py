"""A pickle -> plain data, by an interpreter that calls nothing.

A pickle is a program: Python's own unpickler imports what it names and calls it. Here its opcodes
move data on a stack, and a name is never more than two texts. Dictionaries, lists, texts and
numbers come out as they are, NumPy's arrays as lists of these (`arrays.py`); an object of one of a
few known classes as an `Instance`, its state a dictionary; anything else is refused by name.
Opcodes: the standard library's pickletools.py.
"""

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.errors import TokenizerError
from app.importing import arrays

_MOST_OPCODES = 20_000_000
_LARGEST_INTEGER = 1 << 63
_DICTIONARIES = ("OrderedDict", "defaultdict", "Counter")
_FACTORIES = ("int", "long", "float", "list", "object")
_BUILTINS = ("builtins", "__builtin__")
_HOMES_OF_TOKENIZERS = ("keras", "keras_preprocessing", "tensorflow", "tf_keras")
_MARK = object()
_DAMAGE = (
    ValueError, OverflowError, IndexError, KeyError, TypeError, RecursionError,
    SystemError,  # of NumPy's, where a character is none
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function that the pickle names; nothing is looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"[:120]

    @property
    def is_dictionary(self) -> bool:
        """One of the dictionaries of Python's standard library."""
        plain = self.module in _BUILTINS and self.name == "dict"
        return plain or (self.module == "collections" and self.name in _DICTIONARIES)

    @property
    def is_tokenizer(self) -> bool:
        """Keras's Tokenizer, whichever package had it."""
        return self.name == "Tokenizer" and self.module.split(".")[0] in _HOMES_OF_TOKENIZERS

    @property
    def is_known(self) -> bool:
        """Whether it may stand in a pickle at all: `int` is a defaultdict's factory."""
        factory = self.module in _BUILTINS and self.name in _FACTORIES
        own = self.is_dictionary or self.is_tokenizer or self.is_numpy_s
        return own or factory or self._rebuilds or self.is_encode

    @property
    def is_numpy_s(self) -> bool:
        """What NumPy's arrays, types and scalars are spelled with."""
        return self.module in arrays.HOMES and self.name in arrays.NAMES

    @property
    def is_encode(self) -> bool:
        """How old protocols spell bytes: as a text in Latin-1."""
        return self.module == "_codecs" and self.name == "encode"

    @property
    def _rebuilds(self) -> bool:
        """How old protocols spell an object of a class."""
        return self.module in ("copy_reg", "copyreg") and self.name == "_reconstructor"


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a known class, as data."""

    of: Named
    state: Any = None


def read_pickle(content: bytes) -> Any:
    """What a pickle holds.

    Raises TokenizerError where it is damaged, or names what plain data does not need.
    """
    try:
        return _Machine().run(content)
    except _DAMAGE as error:
        raise TokenizerError(f"the pickle is damaged: {error!s:.120}") from error


class _Machine:
    """A stack, a memo, and what each opcode does to them."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._length = 0  # bytes
        self._copied = 0  # pairs, items, and bytes

    def run(self, content: bytes) -> Any:
        self._length = len(content)
        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if count > _MOST_OPCODES:
                raise ValueError("it is too long")
            if opcode.name == "STOP":
                return self._stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("it has no end")

    def _step(self, name: str, argument: Any) -> None:
        if name in _PUSHES:
            self._stack.append(_checked(argument))
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise TokenizerError(f"the pickle needs {name}, which plain data does not")

    def _pop_to_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:  # an IndexError where there is none
            at -= 1
        at %= len(self._stack)
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _pop(self, _: Any) -> None:
        self._stack.pop()

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _put(self, number: int) -> None:
        self._memo[int(number)] = self._stack[-1]

    def _get(self, number: int) -> None:
        self._stack.append(self._memo[int(number)])

    def _tuple(self, count: int) -> None:
        items = self._stack[len(self._stack) - count :] if count else []
        if len(items) < count or any(item is _MARK for item in items):
            raise ValueError("its stack is too short")
        del self._stack[len(self._stack) - count :]
        self._stack.append(tuple(items))

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise ValueError("it appends to what is no list")
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict:
            raise ValueError("it sets an item of what is no dictionary")
        target.update(_pairs(items))

    def _global(self, named: Named) -> None:
        if not named.is_known:
            raise TokenizerError(
                f"the pickle needs {named}, which is neither plain data nor Keras's Tokenizer; "
                "nothing of it was called"
            )
        self._stack.append(named)

    def _make(self, of: Any, arguments: Any) -> None:
        if type(of) is not Named or type(arguments) is not tuple:
            raise ValueError("it makes an object of what is no class")
        if str(of) in ("copy_reg._reconstructor", "copyreg._reconstructor"):
            of = arguments[0]
            if type(of) is not Named:
                raise ValueError("it makes an object of what is no class")
        if of.is_dictionary:
            self._stack.append(self._filled(arguments))
        elif of.is_tokenizer:
            self._stack.append(Instance(of))
        elif of.is_numpy_s:
            self._copy(*arguments)
            self._stack.append(arrays.made(of.name, arguments))
        elif of.is_encode and len(arguments) == 2 and type(arguments[0]) is str:
            self._copy(arguments[0])
            self._stack.append(arguments[0].encode("latin-1"))
        else:
            raise TokenizerError(f"the pickle calls {of}; nothing was called")

    def _filled(self, arguments: tuple[Any, ...]) -> dict[Any, Any]:
        """A dictionary, from what its class was called with: a factory, pairs, or another."""
        match arguments:
            case [dict() as other]:
                return other
            case [list() as pairs]:
                self._copy(pairs)
                return dict(_pairs([part for pair in pairs for part in _pair(pair)]))
            case [Named()] | []:
                return {}
        raise ValueError("a dictionary is made of something else")

    def _copy(self, *parts: Any) -> None:
        """Each item took a byte or more to make; but one list may be copied repeatedly.

        Twice is in order: old protocols' bytes come as a text, and an array's are items then.
        """
        self._copied += sum(len(part) for part in parts if isinstance(part, list | str | bytes))
        if self._copied > 2 * self._length:
            raise ValueError("it copies too much")

    def _build(self, _: Any) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if type(target) is Instance:
            target.state = state
        elif isinstance(target, arrays.Array | arrays.DType):
            self._copy(*state if type(state) is tuple else ())
            target.build(state)
        elif type(target) is not dict:
            raise ValueError("it gives a state to what is no object")


def _checked(value: Any) -> Any:
    if type(value) is int and abs(value) >= _LARGEST_INTEGER:
        raise ValueError("it has an integer of more than 64 bits")
    return value


def _pairs(items: list[Any]) -> Iterator[tuple[str | int, Any]]:
    """[key, value, key, value …]. Keys are texts and small integers, which hash as they should."""
    if len(items) % 2:
        raise ValueError("it has a key without a value")
    for at in range(0, len(items), 2):
        key = items[at]
        if type(key) is not str and not (type(key) is int and abs(key) < 1 << 31):
            raise ValueError("a dictionary's key is neither a text nor a small integer")
        yield key, items[at + 1]


def _pair(pair: Any) -> list[Any]:
    if type(pair) not in (tuple, list) or len(pair) != 2:
        raise ValueError("a dictionary is made of what are no pairs")
    return list(pair)


def _named(module: Any, name: Any) -> Named:
    if type(module) is not str or type(name) is not str:
        raise ValueError("a name is no text")
    return Named(module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine._stack.pop(), machine._stack.pop()
    machine._global(_named(module, name))


def _new(machine: _Machine, _: Any) -> None:
    arguments, of = machine._stack.pop(), machine._stack.pop()
    machine._make(of, arguments)


def _object(machine: _Machine, _: Any) -> None:
    of, *arguments = machine._pop_to_mark()
    machine._make(of, tuple(arguments))


def _instance(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    arguments = tuple(machine._pop_to_mark())
    machine._global(_named(module, name))
    machine._make(machine._stack.pop(), arguments)


_PUSHES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "SHORT_BINBYTES", "BINBYTES"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    )
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "POP": _Machine._pop,
    "POP_MARK": lambda machine, _: machine._pop_to_mark().clear(),
    "DUP": lambda machine, _: machine._stack.append(machine._stack[-1]),
    "MEMOIZE": _Machine._memoize,
    "PUT": _Machine._put,
    "BINPUT": _Machine._put,
    "LONG_BINPUT": _Machine._put,
    "GET": _Machine._get,
    "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get,
    "TUPLE": lambda machine, _: machine._stack.append(tuple(machine._pop_to_mark())),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "LIST": lambda machine, _: machine._stack.append(machine._pop_to_mark()),
    "DICT": lambda machine, _: machine._stack.append(dict(_pairs(machine._pop_to_mark()))),
    "APPEND": lambda machine, _: machine._append([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._pop_to_mark()),
    "SETITEM": lambda machine, _: machine._set([machine._stack.pop(-2), machine._stack.pop()]),
    "SETITEMS": lambda machine, _: machine._set(machine._pop_to_mark()),
    "GLOBAL": lambda machine, argument: machine._global(_named(*argument.split(" ", 1))),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _new,
    "NEWOBJ": _new,
    "OBJ": _object,
    "INST": _instance,
    "BUILD": _Machine._build,
}
