#!/usr/bin/env python3
"""Runs a program under a seccomp profile, as a container runtime would.

    seccomp_run.py PROFILE [--without NAME]... -- PROGRAM [ARGUMENT]...

Makes a classic BPF filter of the profile (the JSON form of Docker and Kubernetes), installs it and becomes the
program. x86-64 only. `--without` leaves calls out of what the profile allows. Exit status 3: the profile has
something that this does not know; otherwise the program's.
"""

import ctypes
import json
import os
import re
import struct
import sys

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
AUDIT_ARCH_X86_64 = 0xC000003E
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
# struct seccomp_data: nr, arch, instruction pointer, six arguments of 64 bits.
NR, ARCH, ARGS = 0, 4, 16
# BPF: load a word of the data; jump if equal; and; return.
LOAD, JEQ, AND, RET = 0x20, 0x15, 0x54, 0x06
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def numbers():
    with open(HEADER, encoding="ascii") as header:
        return {name: int(nr) for name, nr in re.findall(r"#define __NR_(\w+) (\d+)", header.read())}


def verdict(entry, default_errno):
    if entry["action"] == "SCMP_ACT_ALLOW":
        return ALLOW
    if entry["action"] == "SCMP_ACT_ERRNO":
        return ERRNO | entry.get("errnoRet", default_errno)
    sys.exit(f"seccomp_run: unknown action {entry['action']}")


def matches(argument, skip):
    """Instructions that go on when the argument fits, and else past `skip` more after their own."""
    low = ARGS + 8 * argument["index"]
    if argument["op"] == "SCMP_CMP_EQ":
        mask, value = 0xFFFFFFFF, argument["value"]
    elif argument["op"] == "SCMP_CMP_MASKED_EQ":
        mask, value = argument["value"], argument.get("valueTwo", 0)
    else:
        sys.exit(f"seccomp_run: unknown comparison {argument['op']}")
    # The kernel looks at the low half of these arguments only (a domain, flags), and so does this.
    return [(LOAD, 0, 0, low), (AND, 0, 0, mask), (JEQ, 0, skip, value)]


def program(profile, without):
    known, default_errno = numbers(), profile.get("defaultErrnoRet", 1)
    code = [(LOAD, 0, 0, ARCH), (JEQ, 1, 0, AUDIT_ARCH_X86_64), (RET, 0, 0, KILL)]
    for entry in profile["syscalls"]:
        for name in entry["names"]:
            if name in without or name not in known:
                continue
            body = [(RET, 0, 0, verdict(entry, default_errno))]
            for argument in entry.get("args", []):
                body = matches(argument, len(body)) + body
            code += [(LOAD, 0, 0, NR), (JEQ, 0, len(body), known[name]), *body]
    if profile["defaultAction"] != "SCMP_ACT_ERRNO":
        sys.exit(f"seccomp_run: unknown default {profile['defaultAction']}")
    code.append((RET, 0, 0, ERRNO | default_errno))
    return code


def install(code):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    image = b"".join(struct.pack("HBBI", *instruction) for instruction in code)
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = Program(len(code), image)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0
    ):
        sys.exit(f"seccomp_run: the kernel refuses the filter: {os.strerror(ctypes.get_errno())}")


def main(arguments):
    split = arguments.index("--")
    path, options, command = arguments[0], arguments[1:split], arguments[split + 1 :]
    without = {options[i + 1] for i in range(0, len(options), 2) if options[i] == "--without"}
    with open(path, encoding="ascii") as file:
        profile = json.load(file)
    install(program(profile, without))
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
