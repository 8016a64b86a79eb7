"""Runs a script of SFTP steps with AsyncSSH: asyncssh-sftp.py OPTIONS, where OPTIONS is JSON: host, port, user, identity (file),
knownHosts (file), script (a list of steps)."""
import asyncio
import json
import sys

from asyncssh_connection import log_in

OPTIONS = json.loads(sys.argv[1])


async def main():
    async with log_in(OPTIONS) as connection:
        async with connection.start_sftp_client() as sftp:
            steps = {
                "put": sftp.put,
                "get": sftp.get,
                "rename": sftp.rename,
                "rm": sftp.remove,
                "mkdir": sftp.mkdir,
                "rmdir": sftp.rmdir,
                "ln -s": sftp.symlink,
            }
            for verb, *paths in OPTIONS["script"]:
                if verb == "ls":
                    print("\n".join(await sftp.listdir(*paths)))
                else:
                    await steps[verb](*paths)


asyncio.run(main())
