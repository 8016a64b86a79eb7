"""Runs a script of SFTP steps with paramiko: paramiko-sftp.py OPTIONS, where OPTIONS is JSON: host, port, user, identity (file),
knownHosts (file), script (a list of steps)."""
import json
import sys

from paramiko_connection import log_in

OPTIONS = json.loads(sys.argv[1])


def main():
    client = log_in(OPTIONS)
    sftp = client.open_sftp()
    steps = {
        "put": sftp.put,
        "get": sftp.get,
        "rename": sftp.rename,
        "ln -s": sftp.symlink,
        "rm": sftp.remove,
        "mkdir": sftp.mkdir,
        "rmdir": sftp.rmdir,
        "ls": lambda path: print("\n".join(sftp.listdir(path))),
    }
    for verb, *paths in OPTIONS["script"]:
        steps[verb](*paths)
    sftp.close()
    client.close()


main()
