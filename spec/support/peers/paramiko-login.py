"""Logs in with paramiko, one method after the other: paramiko-login.py OPTIONS, where OPTIONS is JSON: host, port, user, password,
identity (file), methods (in order). Prints what it was asked and what the server wants next, a line each; the last line is `in` or
`out`."""
import json
import sys

import paramiko

OPTIONS = json.loads(sys.argv[1])


def answer(title, instructions, prompts):
    print("asked", json.dumps([title, instructions, prompts]))
    return [OPTIONS["password"] for _ in prompts]


def log_in(transport, method):
    user = OPTIONS["user"]
    if method == "publickey":
        return transport.auth_publickey(user, paramiko.Ed25519Key(filename=OPTIONS["identity"]))
    if method == "password":
        return transport.auth_password(user, OPTIONS["password"], fallback=False)
    return transport.auth_interactive(user, answer)


def main():
    transport = paramiko.Transport((OPTIONS["host"], OPTIONS["port"]))
    transport.start_client(timeout=20)
    try:
        for method in OPTIONS["methods"]:
            print("left", ",".join(log_in(transport, method)))
    except paramiko.BadAuthenticationType as error:
        print("left", ",".join(error.allowed_types))
    except paramiko.AuthenticationException as error:
        print("refused", error)
    print("in" if transport.is_authenticated() else "out")
    transport.close()


main()
