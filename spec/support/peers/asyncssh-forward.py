"""Forwards with AsyncSSH: asyncssh-forward.py OPTIONS, where OPTIONS is JSON: host, port, user, identity (file), knownHosts (file),
target and targetPath (port and socket of an echo), here and there (sockets to listen at). Says where it listens, and has listened to,
all of which leads to the echo."""
import asyncio
import json
import sys

from asyncssh_connection import log_in

OPTIONS = json.loads(sys.argv[1])


async def main():
    async with log_in(OPTIONS) as connection:
        target = ("127.0.0.1", OPTIONS["target"])
        local = await connection.forward_local_port("127.0.0.1", 0, *target)
        print("local", local.get_port(), flush=True)
        remote = await connection.forward_remote_port("127.0.0.1", 0, *target)
        print("remote", remote.get_port(), flush=True)
        proxy = await connection.forward_socks("127.0.0.1", 0)
        print("socks", proxy.get_port(), flush=True)
        await connection.forward_local_path(OPTIONS["here"], OPTIONS["targetPath"])
        await connection.forward_remote_path(OPTIONS["there"], OPTIONS["targetPath"])
        print("paths", flush=True)
        await connection.wait_closed()


asyncio.run(main())
