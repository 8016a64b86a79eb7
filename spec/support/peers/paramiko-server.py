"""An SSH server on paramiko that runs commands and has SFTP: paramiko-server.py OPTIONS, where OPTIONS is JSON:
hostKeys (files), authorizedKeys (lines), user, password, rekeyBytes, algorithms (lists by category). Prints `listening on PORT`."""
import base64
import json
import logging
import os
import socket
import subprocess
import sys
import threading

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from paramiko_algorithms import choose
from sftp_files import Files

OPTIONS = json.loads(sys.argv[1])
LOADERS = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp384": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp521": paramiko.ECDSAKey,
}
SIGNALS = {15: "TERM", 9: "KILL", 1: "HUP", 2: "INT", 6: "ABRT"}


def log(text):
    print(text, flush=True)


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey,password"

    def check_auth_password(self, username, password):
        right = (username, password) == (OPTIONS["user"], OPTIONS["password"])
        log("password for %r: %s" % (username, right))
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username, key):
        line = "%s %s" % (key.get_name(), base64.b64encode(key.asbytes()).decode())
        right = username == OPTIONS["user"] and line in OPTIONS["authorizedKeys"]
        log("key for %r: %s %s" % (username, right, line))
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        if kind == "session":
            return paramiko.OPEN_SUCCEEDED
        return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        log("exec %r" % command)
        threading.Thread(target=run, args=(channel, command), daemon=True).start()
        return True


def run(channel, command):
    process = subprocess.Popen(
        command,
        shell=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    threading.Thread(target=feed, args=(channel, process), daemon=True).start()
    error = threading.Thread(target=copy, args=(process.stderr, channel.sendall_stderr), daemon=True)
    error.start()
    copy(process.stdout, channel.sendall)
    error.join()
    status = process.wait()
    try:
        if status < 0:
            send_exit_signal(channel, SIGNALS.get(-status, "KILL"))
        else:
            channel.send_exit_status(status)
        channel.shutdown_write()
        channel.close()
    except (EOFError, OSError):
        pass


def copy(source, send):
    while True:
        data = os.read(source.fileno(), 65536)
        if not data:
            return
        try:
            send(data)
        except (EOFError, OSError):
            # The other side is gone; the command is to notice.
            source.close()
            return


def feed(channel, process):
    try:
        while True:
            data = channel.recv(65536)
            if not data:
                break
            process.stdin.write(data)
    except (BrokenPipeError, OSError, ValueError):
        pass
    try:
        process.stdin.close()
    except OSError:
        pass
    if channel.closed:
        process.terminate()


def send_exit_signal(channel, name):
    """paramiko has no method for it."""
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(name)
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    channel.transport._send_user_message(message)


def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(connection)
    choose(transport, OPTIONS.get("algorithms", {}))
    if OPTIONS.get("rekeyBytes"):
        transport.packetizer.REKEY_BYTES = OPTIONS["rekeyBytes"]
    for file in OPTIONS["hostKeys"]:
        with open(file + ".pub") as public:
            loader = LOADERS[public.read().split(" ", 1)[0]]
        transport.add_server_key(loader(filename=file))
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    try:
        transport.start_server(server=Server())
    except (paramiko.SSHException, EOFError, OSError) as error:
        log("connection failed: %s" % error)


logging.basicConfig(level="DEBUG", stream=sys.stdout)
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(100)
log("listening on %d" % listener.getsockname()[1])
while True:
    client, _address = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
