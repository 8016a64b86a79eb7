"""Runs a program on a terminal of its own, types what it is told to, and tells whether the terminal echoes.

argv[1] is JSON: command, env, steps [[wait for, type]], signal (name, or null; sent behind the last step).
Prints JSON: output, status, echo (at each step, and at the end).
"""
import json
import os
import pty
import select
import signal
import sys
import termios
import time

DEADLINE = 15
told = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvpe(told["command"][0], told["command"], told["env"])

output = b""
echo = []


def read(seconds):
    global output
    ready, _, _ = select.select([terminal], [], [], seconds)
    if not ready:
        return
    try:
        output += os.read(terminal, 65536)
    except OSError:
        time.sleep(0.01)


def echoes():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


end = time.monotonic() + DEADLINE
seen = 0
for wanted, typed in told["steps"]:
    while wanted.encode() not in output[seen:] and time.monotonic() < end:
        read(0.05)
    seen = len(output)
    echo.append(echoes())
    if typed is not None:
        os.write(terminal, typed.encode())
if told["signal"] is not None:
    os.kill(pid, getattr(signal, told["signal"]))

status = None
while status is None and time.monotonic() < end:
    read(0.05)
    done, how = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(how)
read(0.05)
if status is None:
    os.kill(pid, signal.SIGKILL)
echo.append(echoes())
print(json.dumps({"output": output.decode(errors="replace"), "status": status, "echo": echo}))
