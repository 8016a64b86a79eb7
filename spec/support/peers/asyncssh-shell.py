"""A shell on a terminal with AsyncSSH: asyncssh-shell.py OPTIONS, as asyncssh-client.py. Prints the exit status, and the signal that has
ended a second one."""
import asyncio
import json
import sys

from asyncssh_connection import log_in

OPTIONS = json.loads(sys.argv[1])


async def main():
    async with log_in(OPTIONS) as connection:
        shell = await connection.create_process(term_type="vt100", term_size=(100, 30))
        shell.stdin.write("stty size; echo $TERM\n")
        await shell.stdout.readuntil("30 100\r\nvt100\r\n")
        shell.change_terminal_size(132, 50)
        shell.stdin.write('until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized\n')
        await shell.stdout.readuntil("resized\r\n")
        shell.stdin.write("exit 7\n")
        ended = await shell.wait()
        sleep = await connection.create_process("exec sleep 999", term_type="vt100")
        sleep.terminate()
        killed = await sleep.wait()
        print(ended.exit_status, killed.exit_signal[0])


asyncio.run(asyncio.wait_for(main(), 30))
