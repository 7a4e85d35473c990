"""Runs a program where the kernel refuses io_uring, as in most containers.

The seccomp filter answers EPERM to the three system calls of io_uring, whose numbers are the same
on every architecture. It needs no privileges, and holds for this process and what it becomes.
"""

import ctypes
import os
import struct
import sys

IO_URING = (425, 426, 427)  # setup, enter, register

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_OFFSET = 0
ALLOW, ERRNO_EPERM = 0x7FFF0000, 0x00050001


def statement(code, jump, value):
    return struct.pack("=HBBI", code, jump, 0, value)


def forbid():
    program = b"".join(
        [statement(LOAD_WORD, 0, NUMBER_OFFSET)]
        + [statement(JUMP_IF_EQUAL, 3 - i, number) for i, number in enumerate(IO_URING)]
        + [statement(RETURN, 0, ALLOW), statement(RETURN, 0, ERRNO_EPERM)]
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(fprog), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"prctl{arguments[:2]}: {os.strerror(ctypes.get_errno())}")


forbid()
os.execvp(sys.argv[1], sys.argv[1:])
