"""Where the running kernel keeps what: its type information, BTF.

Source: Documentation/bpf/btf.rst, bpf(2), include/uapi/linux/btf.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import Final

from davy.host.errors import Gone, Refused, mapped
from davy.host.syscalls import bpf

STRUCT: Final = 4
UNION: Final = 5
FUNCTION: Final = 12

_MAGIC: Final = 0xEB9F
_HEADER: Final = struct.Struct("=HBBIIIII")
_LIMIT: Final = 64 << 20
_DEPTH: Final = 4
_GET_FD_BY_ID: Final = 19
_GET_INFO_BY_FD: Final = 15
_INFO: Final = struct.Struct("=QIIQII")

_WORDS: Final = {1: 1, 3: 3, 14: 1, 17: 1}
"""How many words follow the three of a type, by kind: an integer, an array, a variable, a tag."""
_WORDS_EACH: Final = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}
"""How many follow for each member: structs, unions, enumerations, prototypes, sections."""
_FIRST: Final = tuple(3 + _WORDS.get(kind, 0) for kind in range(32))
_EACH: Final = tuple(_WORDS_EACH.get(kind, 0) for kind in range(32))


def kernel_btf() -> bytes:
    """The kernel's own types, some 5 MB, by bpf(2) where it answers, else from ``/sys/kernel/btf/vmlinux``.

    Raises `Gone` for a kernel built without, `Denied` where it may not be read.
    """
    return _by_call() or _by_file("/sys/kernel/btf/vmlinux")


def _by_call() -> bytes | None:
    """None before Linux 5.11 and without CAP_SYS_ADMIN."""
    try:
        descriptor = bpf(_GET_FD_BY_ID, struct.pack("=III", 1, 0, 0))
    except OSError:
        return None
    try:
        name = ctypes.create_string_buffer(16)
        size = _info(descriptor, None, 0, name)
        if size is None or not 0 < size <= _LIMIT:
            return None
        data = ctypes.create_string_buffer(size)
        return data.raw if _info(descriptor, data, size, name) == size else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _info(
    descriptor: int, data: ctypes.Array[ctypes.c_char] | None, size: int, name: ctypes.Array[ctypes.c_char]
) -> int | None:
    """The size of the kernel's own BTF, which is copied to ``data``; None when the descriptor is of another."""
    info = ctypes.create_string_buffer(
        _INFO.pack(ctypes.addressof(data) if data else 0, size, 0, ctypes.addressof(name), len(name), 0), _INFO.size
    )
    bpf(_GET_INFO_BY_FD, struct.pack("=IIQ", descriptor, _INFO.size, ctypes.addressof(info)))
    _, length, _, _, _, is_kernels = _INFO.unpack(info.raw)
    return int(length) if is_kernels and name.value == b"vmlinux" else None


def _by_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(_LIMIT)
    except OSError as error:
        raise mapped(error, path) from None
    return data


class Btf:
    """Types by name.  Nothing is read but what is asked for."""

    def __init__(self, data: bytes) -> None:
        """Raises `Refused` for what is no BTF."""
        try:
            magic, _, _, head, types, types_size, strings, strings_size = _HEADER.unpack_from(data)
        except struct.error:
            raise Refused("BTF: cut short") from None
        begin, end = head + types, head + types + types_size
        if (
            magic != _MAGIC
            or end > len(data)
            or begin % 4
            or types_size % 4
            or head + strings + strings_size > len(data)
        ):
            raise Refused("BTF: not as the kernel writes it")
        self._data = data
        self._begin, self._end = begin, end
        self._strings, self._strings_end = head + strings, head + strings + strings_size
        self._words: Sequence[int] = memoryview(data)[begin:end].cast("I")

    def number(self, name: str, kind: int) -> int:
        """The id of a type.  Raises `Gone` when there is none of that name and kind."""
        return self._find(name, kind)[0]

    def offsets(self, name: str) -> dict[str, int]:
        """Where the members of a struct lie, in bytes; those of unnamed structs in it among them, bit fields not.

        Raises `Gone` when there is none of that name.
        """
        found: dict[str, int] = {}
        self._members(self._find(name, STRUCT)[1], 0, found, 0)
        return found

    def _find(self, name: str, kind: int) -> tuple[int, int]:
        """Id, and word where it begins."""
        text = b"\0" + name.encode() + b"\0"
        offset = self._data.find(text, self._strings, self._strings_end) + 1 - self._strings
        if offset <= 0:
            raise Gone(f"BTF: nothing is named {name}")
        wanted = struct.pack("=I", offset)
        at = self._data.find(wanted, self._begin, self._end)
        while at >= 0:
            word = (at - self._begin) // 4
            if (
                at % 4 == 0
                and word + 2 < len(self._words)
                and self._words[word + 1] >> 24 & 31 == kind
                and (number := self._number_at(word))
            ):
                return number, word
            at = self._data.find(wanted, at + 1, self._end)
        raise Gone(f"BTF: no such type: {name}")

    def _number_at(self, target: int) -> int:
        """The id of the type that begins at a word; 0 when none does."""
        words, first, each = self._words, _FIRST, _EACH
        word, number = 0, 1
        while word < target:
            info = words[word + 1]
            kind = info >> 24 & 31
            if each[kind]:
                word += first[kind] + each[kind] * (info & 0xFFFF)
            else:
                word += first[kind]
            number += 1
        return number if word == target else 0

    def _aggregate(self, number: int) -> int | None:
        """Where a struct or union begins; None when the id is of something else."""
        word, at = 0, 1
        while word + 2 < len(self._words):
            if at == number:
                return word if self._words[word + 1] >> 24 & 31 in (STRUCT, UNION) else None
            info = self._words[word + 1]
            kind = info >> 24 & 31
            word += _FIRST[kind] + _EACH[kind] * (info & 0xFFFF)
            at += 1
        return None

    def _name(self, offset: int) -> str:
        begin = self._strings + offset
        end = self._data.find(b"\0", begin, self._strings_end)
        return self._data[begin:end].decode("ascii", "replace") if end >= 0 else ""

    def _members(self, word: int, base: int, found: dict[str, int], depth: int) -> None:
        info = self._words[word + 1]
        has_bit_fields = info >> 31
        for index in range(info & 0xFFFF):
            at = word + 3 + 3 * index
            if at + 2 >= len(self._words):
                return
            name, kind, bits = self._words[at], self._words[at + 1], self._words[at + 2]
            if has_bit_fields:
                if bits >> 24:
                    continue
                bits &= 0xFFFFFF
            if name:
                found.setdefault(self._name(name), base + bits // 8)
            elif depth < _DEPTH and (inner := self._aggregate(kind)) is not None:
                self._members(inner, base + bits // 8, found, depth + 1)
