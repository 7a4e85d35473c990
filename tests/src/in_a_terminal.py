"""Runs a program in a terminal, presses keys, and says what the terminal was left like.

usage: in_a_terminal.py KEYS PROGRAM ARGUMENT...

KEYS is what is typed, one key after the other once something was drawn: `q`, `\\t`, ... ; "TERM" stands
for a SIGTERM instead. What the program drew goes to stdout as it came; the last line is
"exit=<status> restored=<true|false>".
"""

import os
import pty
import select
import signal
import sys
import termios
import time

PATIENCE_S = 30


def main() -> None:
    keys, command = sys.argv[1].encode().decode("unicode_escape"), sys.argv[2:]
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (40, 130))
    before = termios.tcgetattr(child)
    pid = os.fork()
    if pid == 0:
        os.close(parent)
        os.login_tty(child)
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    drawn = b""
    deadline = time.monotonic() + PATIENCE_S
    pressed = False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([parent], [], [], 0.1)
        if ready:
            try:
                drawn += os.read(parent, 65536)
            except OSError:
                break
        # The help line is the last that is drawn; what is blank is not drawn, but jumped over.
        if not pressed and b"quit" in drawn:
            pressed = True
            if keys == "TERM":
                os.kill(pid, signal.SIGTERM)
            else:
                for key in keys:
                    os.write(parent, key.encode())
                    time.sleep(0.05)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
    else:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    while select.select([parent], [], [], 0)[0]:
        try:
            drawn += os.read(parent, 65536)
        except OSError:
            break
    after = termios.tcgetattr(child)
    sys.stdout.buffer.write(drawn)
    restored = str(before == after).lower()
    print(f"\nexit={os.waitstatus_to_exitcode(status)} restored={restored}")


main()
