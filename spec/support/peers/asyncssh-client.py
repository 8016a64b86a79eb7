"""Runs a command with AsyncSSH: asyncssh-client.py OPTIONS, where OPTIONS is JSON: host, port, user, password, identity (file),
knownHosts (file), command, rekeyBytes,
algorithms (lists by category). Passes stdin, stdout, stderr and the exit status on; 255 when it was refused."""
import asyncio
import json
import os
import sys

import asyncssh
from asyncssh_algorithms import options_of
from asyncssh_connection import log_in

OPTIONS = json.loads(sys.argv[1])


async def copy(reader, to):
    # By hand: AsyncSSH's own redirection says that it is done while the last bytes still wait for the pipe.
    while data := await reader.read(65536):
        to.write(data)
        to.flush()


async def main():
    more = {}
    if OPTIONS.get("rekeyBytes"):
        more["rekey_bytes"] = OPTIONS["rekeyBytes"]
    more.update(options_of(OPTIONS.get("algorithms", {}), "server_host_key_algs"))
    async with log_in(OPTIONS, **more) as connection:
        process = await connection.create_process(
            OPTIONS["command"],
            stdin=sys.stdin.buffer,
            encoding=None,
        )
        await asyncio.gather(
            copy(process.stdout, sys.stdout.buffer), copy(process.stderr, sys.stderr.buffer)
        )
        result = await process.wait(check=False)
        return 254 if result.exit_status is None or result.exit_status < 0 else result.exit_status


try:
    code = asyncio.run(main())
except (asyncssh.Error, OSError) as error:
    print("%s: %s" % (type(error).__name__, error), file=sys.stderr)
    code = 255
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
