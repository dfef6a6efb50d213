"""A filter of system calls (seccomp(2)), for processes that must read files and must not reach the network."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Mapping
from typing import Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

LOAD, EQUALS, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of the filter (BPF): load a word of the call's data, two jumps, the verdict."""
NUMBER, ARCHITECTURE = 0, 4
"""Where ``struct seccomp_data`` holds them."""
ALLOW, REFUSE = 0x7FFF0000, 0x00050001
"""Verdicts; what is refused fails with EPERM."""
OTHER_ABI: Final = 0x40000000
"""The first number of x86's x32 calls, which are the same calls once more; others have none so high."""

CALLS: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, (41, 59, 322, 425)),
    "aarch64": (0xC00000B7, (198, 221, 281, 425)),
}
"""By machine, how the kernel calls it, and the numbers of socket, execve, execveat and io_uring_setup."""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("true", ctypes.c_ubyte), ("false", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


def is_known() -> bool:
    """Whether a filter can be written for this machine."""
    return sys.platform == "linux" and platform.machine() in CALLS


def refuse_sockets() -> None:
    """From now on this process can make no socket and start no program. Raises OSError if the kernel has no filters."""
    architecture, refused = CALLS[platform.machine()]
    last = len(refused) + 1  # instructions between the second look and the verdict REFUSE
    filters = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUALS, 0, last + 2, architecture),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, last, 0, OTHER_ABI),
        *((EQUALS, last - 1 - at, 0, number) for at, number in enumerate(refused)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    instructions = (_Instruction * len(filters))(*(_Instruction(*one) for one in filters))
    program = _Program(len(filters), instructions)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if LIBC.prctl(*call) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "the kernel takes no filter of system calls")
