"""Pickles as data: what is harmless comes out as it is, and nothing hostile is ever called."""

import collections
import contextlib
import os
import pickle
import pickletools
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import TokenizerError
from app.importing.unpickling import read_pickle

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_is_read_as_python_reads_it(value: Any, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    assert repr(read_pickle(content)) == repr(pickle.loads(content))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_dictionaries_of_the_standard_library(protocol: int) -> None:
    value = [
        collections.OrderedDict(a=1, b=2),
        collections.defaultdict(int, {"a": 1}),
        collections.Counter("aab"),
    ]
    assert read_pickle(pickle.dumps(value, protocol)) == [dict(one) for one in value]


class Calls:
    """Pickled, it calls a function when Python unpickles it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def marker(path: Path) -> list[Any]:
    """Ways to leave a file behind."""
    return [
        Calls(os.system, f"touch {path}"),
        Calls(subprocess.check_output, ["touch", str(path)]),
        Calls(open, str(path), "w"),
        Calls(eval, f"open({str(path)!r}, 'w')"),
        Calls(exec, f"open({str(path)!r}, 'w')"),
        Calls(Path.touch, path),
        {"word_index": {"a": 1}, "filters": Calls(os.system, f"touch {path}")},
        collections.OrderedDict(a=Calls(os.system, f"touch {path}")),
        Calls(getattr, collections.OrderedDict, "fromkeys"),
        Calls(np.load, str(path)),
        np.array([Calls(os.system, f"touch {path}")], dtype=object),
    ]


@pytest.mark.parametrize("which", range(11))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_called(tmp_path: Path, which: int, protocol: int) -> None:
    path = tmp_path / "called"
    content = pickle.dumps(marker(path)[which], protocol)
    with pytest.raises(TokenizerError, match="nothing of it was called"):
        read_pickle(content)
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"\x80\x02cbuiltins\nint\n(S'1'\ntR.",  # int is known, and still not called
        b"\x80\x02ckeras.os\nsystem\n.",
        b"\x80\x02ckeras.models\nload_model\n.",
        b"\x80\x02\x82\x01.",  # an extension
        b"Pid\n.",  # a persistent id
        b"\x80\x02ccopy_reg\n_reconstructor\n(cos\nsystem\nN.",
        b"\x80\x02ccollections\nOrderedDict\n)R(S'__class__'\nNtb.",
        b"\x80\x02ccollections\nOrderedDict\n}S'__init__'\nNsb.",
        b"\x80\x02ckeras.text\nTokenizer\n}S'__setstate__'\nNsb.",
        b"\x80\x02cnumpy\ndtype\nU\x02V8\x85R.",
        b"\x80\x02cnumpy\ndtype\nU\x0aU999999999\x85R.",
        b"\x80\x02cnumpy\ndtype\nU\x02i8\x85R(K\x03U\x01?Ntb.",
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02O8\x85RU\x01x\x86R.",
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02i8\x85RU\x01x\x86R.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x05\x85Ntb.",
        b"\x80\x02c_codecs\nencode\nK\x01U\x03hex\x86R.",
        b"\x80\x02](]]e\x94.",
        b"\x80\x02}](N.",
        b"\x80\x02}]Ns.",  # a list as a key
        b"\x80\x02\x8a\xff" + b"\xff" * 254 + b"\x7f.",  # an integer of 2,032 bits
        b"\x80\x02X\xff\xff\xff\x7f.",  # a text of 2 GB that is not there
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"t.",
        b"0.",
        b"h\x05.",
        b"",
        b".",
        b"\x80",
        b"no pickle at all",
    ],
)
def test_what_is_hostile_or_damaged_is_refused(content: bytes) -> None:
    try:
        value = read_pickle(content)
    except TokenizerError:
        return
    # What can be read is data of the plainest kinds.
    assert value is None or type(value) in (dict, list, tuple, str, int)


@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_an_error(content: bytes) -> None:
    with contextlib.suppress(TokenizerError):
        read_pickle(b"\x80\x04" + content)


def test_a_copied_list_of_pairs_costs_no_memory() -> None:
    pairs = b"](" + b"".join(b"(X\x02\x00\x00\x00%02dK\x01t" % n for n in range(99)) + b"e"
    again = b"ccollections\nOrderedDict\nh\x00\x85R0"
    content = b"\x80\x02" + pairs + b"q\x00" + again * 250_000 + b"."
    assert pickletools.optimize(b"\x80\x02N.")  # the opcodes are those of the standard library
    with pytest.raises(TokenizerError, match="copies too much"):
        read_pickle(content)
