"""Runs a command on a terminal of its own, types Ctrl-C once it says "ready", and prints what came of it as JSON."""

import json
import os
import pty
import sys

typed, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

output = b""
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:  # EIO: the other side is closed
        break
    if not data:
        break
    before, output = output, output + data
    if b"ready" in output and b"ready" not in before:
        os.write(terminal, typed.encode().decode("unicode_escape").encode())

_, status = os.waitpid(pid, 0)
print(json.dumps({"status": os.waitstatus_to_exitcode(status), "output": output.decode()}))
