"""A shell on a terminal with paramiko: paramiko-shell.py OPTIONS, as paramiko-client.py. Prints what the shell says, and the exit status
last."""
import json
import sys

from paramiko_connection import log_in

OPTIONS = json.loads(sys.argv[1])


def until(channel, text, seen):
    while text not in seen[0]:
        data = channel.recv(65536)
        if not data:
            raise EOFError(seen[0])
        seen[0] += data.decode()


client = log_in(OPTIONS)
seen = [""]
channel = client.invoke_shell(term="vt100", width=100, height=30)
channel.settimeout(20)
channel.send(b"stty size; echo $TERM\n")
until(channel, "30 100\r\nvt100\r\n", seen)
channel.resize_pty(width=132, height=50)
channel.send(b'until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized\n')
until(channel, "resized", seen)
channel.send(b"exit 7\n")
print(channel.recv_exit_status())
client.close()
