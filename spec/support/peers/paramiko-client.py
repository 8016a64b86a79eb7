"""Runs a command with paramiko: paramiko-client.py OPTIONS, where OPTIONS is JSON: host, port, user, password, identity (file),
knownHosts (file), command, rekeyBytes,
algorithms (lists by category). Passes stdin, stdout, stderr and the exit status on; 255 when it was refused."""
import json
import os
import sys
import threading

import paramiko
from paramiko_connection import log_in

OPTIONS = json.loads(sys.argv[1])


def main():
    client = log_in(OPTIONS)
    transport = client.get_transport()
    if OPTIONS.get("rekeyBytes"):
        transport.packetizer.REKEY_BYTES = OPTIONS["rekeyBytes"]
    channel = transport.open_session()
    channel.exec_command(OPTIONS["command"])
    threads = [
        threading.Thread(target=feed, args=(channel,), daemon=True),
        threading.Thread(target=copy, args=(channel.recv, 1)),
        threading.Thread(target=copy, args=(channel.recv_stderr, 2)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    status = channel.recv_exit_status()
    client.close()
    return status


def feed(channel):
    try:
        while True:
            data = os.read(0, 65536)
            if not data:
                break
            channel.sendall(data)
        channel.shutdown_write()
    except OSError:
        pass


def copy(receive, descriptor):
    while True:
        data = receive(65536)
        if not data:
            return
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


try:
    code = main()
except (paramiko.SSHException, OSError, EOFError) as error:
    print("%s: %s" % (type(error).__name__, error), file=sys.stderr)
    code = 255
sys.stdout.flush()
sys.stderr.flush()
os._exit(code if code >= 0 else 254)
