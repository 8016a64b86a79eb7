#!/usr/bin/env node
/** The `rxssh` command: see program.ts. */
import { program } from './program.ts';
import { run } from './run.ts';
import { controllingTerminal } from './terminal.ts';

/** Whatever might still hold the process when all is done holds it no longer than this, in milliseconds. */
const LINGER = 2_000;

const { stdin, stdout, stderr, env } = process;
const io = { stdin, stdout, stderr, env, terminal: controllingTerminal() };
process.exitCode = await run(program(process.argv.slice(2), io), io);
setTimeout(() => process.exit(), LINGER).unref();
