"""Forwards with paramiko: paramiko-forward.py OPTIONS, where OPTIONS is JSON: host, port, user, identity (file), knownHosts (file),
target (port of an echo). Says what came of a direct-tcpip channel, asks for a port, says which, and echoes what comes to it."""
import hashlib
import json
import os
import sys
import threading

from paramiko_connection import log_in

OPTIONS = json.loads(sys.argv[1])


def main():
    client = log_in(OPTIONS)
    transport = client.get_transport()
    channel = transport.open_channel(
        "direct-tcpip", ("127.0.0.1", OPTIONS["target"]), ("127.0.0.1", 0)
    )
    data = os.urandom(3_000_000)
    threading.Thread(target=feed, args=(channel, data)).start()
    same = hashlib.sha256(read_all(channel)).digest() == hashlib.sha256(data).digest()
    print("direct", "whole" if same else "broken", flush=True)
    port = transport.request_port_forward(
        "127.0.0.1", 0, lambda channel, origin, at: threading.Thread(target=echo, args=(channel,)).start()
    )
    print("remote", port, flush=True)
    threading.Event().wait()


def feed(channel, data):
    channel.sendall(data)
    channel.shutdown_write()


def read_all(channel):
    pieces = []
    while piece := channel.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def echo(channel):
    channel.sendall(read_all(channel))
    channel.close()


main()
