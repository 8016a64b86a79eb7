"""An SSH server on AsyncSSH that runs commands and has SFTP: asyncssh-server.py OPTIONS, where OPTIONS is JSON:
hostKeys (files), authorizedKeys (lines), user, password, rekeyBytes, knownClientHosts (a known_hosts file), rounds (challenges
as AsyncSSH has them, to all prompts of which the answer is the password). Prints `listening on PORT`."""
import asyncio
import json
import logging
import sys

import asyncssh
from asyncssh_algorithms import options_of

OPTIONS = json.loads(sys.argv[1])
SIGNALS = {15: "TERM", 9: "KILL", 1: "HUP", 2: "INT", 6: "ABRT"}


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return not self.rounds

    def kbdint_auth_supported(self):
        return bool(self.rounds)

    def get_kbdint_challenge(self, username, lang, submethods):
        self.left = list(self.rounds)
        return self.left.pop(0)

    def validate_kbdint_response(self, username, responses):
        print("answered", json.dumps(responses), flush=True)
        if any(response != OPTIONS["password"] for response in responses):
            return False
        return self.left.pop(0) if self.left else username == OPTIONS["user"]

    def validate_host_based_user(self, username, client_host, client_username):
        print("vouched for", json.dumps([client_host, client_username]), flush=True)
        return username == OPTIONS["user"] and client_username == "me"

    rounds = OPTIONS.get("rounds", [])

    def validate_password(self, username, password):
        return (username, password) == (OPTIONS["user"], OPTIONS["password"])


async def handle(process):
    child = await asyncio.create_subprocess_shell(
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    # Not process.redirect(): when the other side is slow it reads twice at once, and fails.
    feeding = asyncio.ensure_future(feed(process.stdin, child.stdin))
    try:
        await asyncio.gather(copy(child.stdout, process.stdout), copy(child.stderr, process.stderr))
        status = await child.wait()
        if status < 0:
            process.exit_with_signal(SIGNALS.get(-status, "KILL"))
        else:
            process.exit(status)
    except (OSError, asyncssh.Error):
        pass
    finally:
        feeding.cancel()
        if child.returncode is None:
            child.terminate()


async def feed(source, target):
    try:
        await copy(source, target)
        target.write_eof()
    except (BrokenPipeError, ConnectionResetError):
        pass


async def copy(source, target):
    """Without EOF: that of stdout would close the way of stderr too."""
    while True:
        data = await source.read(65536)
        if not data:
            return
        target.write(data)
        await target.drain()


async def main():
    logging.basicConfig(level="DEBUG", stream=sys.stdout)
    asyncssh.set_debug_level(2)
    more = {}
    if OPTIONS.get("rekeyBytes"):
        more["rekey_bytes"] = OPTIONS["rekeyBytes"]
    if OPTIONS.get("knownClientHosts"):
        more.update(known_client_hosts=OPTIONS["knownClientHosts"], trust_client_host=True)
    more.update(options_of(OPTIONS.get("algorithms", {}), "signature_algs"))
    authorized = asyncssh.import_authorized_keys("\n".join(OPTIONS["authorizedKeys"]) + "\n")
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=OPTIONS["hostKeys"],
        authorized_client_keys=authorized,
        process_factory=handle,
        encoding=None,
        sftp_factory=True,
        **more,
    )
    print("listening on %d" % listener.sockets[0].getsockname()[1], flush=True)
    await listener.wait_closed()


asyncio.run(main())
