"""Logs in with AsyncSSH: asyncssh-login.py OPTIONS, where OPTIONS is JSON: host, port, user, password, newPassword, identity (file),
methods, hostKey (file), clientHost, localUser. Prints what it was asked, a line each; the last line is `in` or `out`."""
import asyncio
import json
import sys

import asyncssh

OPTIONS = json.loads(sys.argv[1])


class Client(asyncssh.SSHClient):
    def password_auth_requested(self):
        return OPTIONS["password"] if "password" in OPTIONS["methods"] else None

    def password_change_requested(self, prompt, lang):
        print("change", prompt)
        return OPTIONS["password"], OPTIONS["newPassword"]

    def kbdint_auth_requested(self):
        return "" if "keyboard-interactive" in OPTIONS["methods"] else None

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        print("asked", json.dumps([name, instructions, prompts]))
        return [OPTIONS["password"] for _ in prompts]


async def main():
    try:
        async with asyncssh.connect(
            OPTIONS["host"],
            OPTIONS["port"],
            username=OPTIONS["user"],
            client_factory=Client,
            client_keys=[OPTIONS["identity"]] if "publickey" in OPTIONS["methods"] else None,
            known_hosts=None,
            client_host_keys=[OPTIONS["hostKey"]] if "hostbased" in OPTIONS["methods"] else None,
            client_host=OPTIONS.get("clientHost", ""),
            client_username=OPTIONS.get("localUser", ()),
            agent_path=None,
            config=None,
        ):
            print("in")
    except asyncssh.Error as error:
        print("refused", error)
        print("out")


asyncio.run(main())
