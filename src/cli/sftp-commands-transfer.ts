/** Commands of `rxssh sftp` that move files. */
import type { SftpCommand } from './sftp-session.ts';

/** The commands. */
export const TRANSFER_COMMANDS: readonly SftpCommand[] = [];
