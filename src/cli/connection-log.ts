/** What `-v` and `-E` tell of connections. */
import { logFile, type LogFileOptions, traceLevel, traceText } from '../node.ts';
import type { Messages } from './io.ts';
import { messageOf, UsageError } from './usage.ts';

/** `-vvvv`: the bytes of packets too. */
const HEX_LEVEL = 4;

/**
 * Where events of a connection go: to the file of `-E`, or else to the person, as far as `-v` says; nowhere is `undefined`. In a file
 * there is always what `-vv` tells. Throws a `UsageError` for a file that cannot be written to.
 *
 * @param name - of the connection, made safe to show
 */
export function connectionLog(
  messages: Messages,
  name?: string,
): ReturnType<typeof logFile> | undefined {
  const { logFile: file, level: verbosity } = messages.verbosity;
  const hex = verbosity >= HEX_LEVEL;
  if (file !== undefined) {
    const level = verbosity > 2 ? 3 : 2;
    return fileLog(file, { level, hex, ...(name === undefined ? {} : { name }) });
  }
  if (verbosity === 0) return undefined;
  const head = name === undefined ? '' : `${name}: `;
  return (event) => {
    const level = traceLevel(event);
    if (!messages.isVerbose(level)) return;
    for (const line of traceText(event, { hex })) messages.verbose(level, `${head}${line}`);
  };
}

function fileLog(file: string, options: LogFileOptions): ReturnType<typeof logFile> {
  try {
    return logFile(file, options);
  } catch (thrown) {
    throw new UsageError(`-E ${file}: ${messageOf(thrown)}`);
  }
}
