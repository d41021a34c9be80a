# ruff: noqa: F821, E402, PTH109
# The beginning of the file, with what is undefined here, is written by tests/warm/__init__.py. Imports are few, since
# this starts for every process.
import os
import signal
import sys


def is_cold(arguments):
    """Whether only a Python of its own can do this: other options, or other variables that imports read."""
    read = {n: v for n, v in os.environ.items() if n.startswith(READ_AT_IMPORT) and n not in ANY_VALUE}
    if read != SETTINGS:
        return True
    return len(arguments) < 2 or arguments[0].rpartition("/")[2] not in ("-m", "-c", *SCRIPTS)


arguments = ["-m", MODULE, *sys.argv[1:]] if MODULE else sys.argv[1:]
if is_cold(arguments):
    os.execv(PYTHON, [PYTHON, *arguments])

import json
import socket

server = socket.socket(socket.AF_UNIX)
server.connect(SOCKET)
ignored = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_IGN]
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if number not in ignored:
        signal.signal(number, lambda sent, _: server.sendall(bytes([sent])))
request = json.dumps([arguments, dict(os.environ), os.getcwd(), [int(n) for n in ignored]]).encode()
socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
server.sendall(request)
told = server.recv(16)
status = int(told or b"1")
if status < 0:  # it was killed, and so is this
    signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
    os.kill(os.getpid(), -status)
os._exit(status)
