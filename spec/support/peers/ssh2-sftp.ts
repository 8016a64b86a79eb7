/** The files of this machine, as npm ssh2's SFTP server wants them. */
import * as fs from 'node:fs';
import ssh2, {
  type Attributes,
  type InputAttributes,
  type ServerChannel,
  type SFTPWrapper,
} from 'ssh2';

const { OPEN_MODE, STATUS_CODE, flagsToString } = ssh2.utils.sftp;

/** Serves SFTP on what a session accepts. */
export function serveFiles(sftp: SFTPWrapper): void {
  const open = new Map<string, number | string[]>();
  let next = 0;
  const remember = (id: number, what: number | string[]): void => {
    const name = String(next++);
    open.set(name, what);
    sftp.handle(id, Buffer.from(name));
  };
  const fileOf = (handle: Buffer): number => open.get(handle.toString()) as number;
  /** What throws is a status; what returns true has answered by itself. */
  const answer = (id: number, act: () => unknown): void => {
    try {
      if (act() !== true) sftp.status(id, STATUS_CODE.OK);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      sftp.status(id, isMissing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
    }
  };
  const told = (act: () => void): true => {
    act();
    return true;
  };

  sftp.on('OPEN', (id, path, flags, attributes) =>
    answer(id, () => told(() => remember(id, openFile(path, flags, attributes)))),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    answer(id, () =>
      told(() => {
        const buffer = Buffer.alloc(length);
        const read = fs.readSync(fileOf(handle), buffer, 0, length, offset);
        if (read === 0) sftp.status(id, STATUS_CODE.EOF);
        else sftp.data(id, buffer.subarray(0, read));
      }),
    ),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    answer(id, () => void fs.writeSync(fileOf(handle), data, 0, data.length, offset)),
  );
  sftp.on('CLOSE', (id, handle) =>
    answer(id, () => {
      const what = open.get(handle.toString());
      open.delete(handle.toString());
      if (typeof what === 'number') fs.closeSync(what);
    }),
  );
  sftp.on('FSTAT', (id, handle) =>
    answer(id, () => told(() => sftp.attrs(id, attributesOf(fs.fstatSync(fileOf(handle)))))),
  );
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    answer(id, () => setAttributes(fileOf(handle), attributes)),
  );
  sftp.on('STAT', (id, path) =>
    answer(id, () => told(() => sftp.attrs(id, attributesOf(fs.statSync(path))))),
  );
  sftp.on('LSTAT', (id, path) =>
    answer(id, () => told(() => sftp.attrs(id, attributesOf(fs.lstatSync(path))))),
  );
  sftp.on('SETSTAT', (id, path, attributes) => answer(id, () => setAttributes(path, attributes)));
  sftp.on('OPENDIR', (id, path) =>
    answer(id, () =>
      told(() =>
        remember(
          id,
          fs.readdirSync(path).map((name) => `${path}/${name}`),
        ),
      ),
    ),
  );
  sftp.on('READDIR', (id, handle) =>
    answer(id, () =>
      told(() => {
        const paths = (open.get(handle.toString()) as string[]).splice(0, 10);
        if (paths.length === 0) sftp.status(id, STATUS_CODE.EOF);
        else sftp.name(id, paths.map(entryOf));
      }),
    ),
  );
  sftp.on('REMOVE', (id, path) => answer(id, () => fs.unlinkSync(path)));
  sftp.on('RENAME', (id, from, to) => answer(id, () => fs.renameSync(from, to)));
  sftp.on('MKDIR', (id, path) => answer(id, () => fs.mkdirSync(path)));
  sftp.on('RMDIR', (id, path) => answer(id, () => fs.rmdirSync(path)));
  sftp.on('SYMLINK', (id, target, link) => answer(id, () => fs.symlinkSync(target, link)));
  sftp.on('READLINK', (id, path) =>
    answer(id, () => told(() => sftp.name(id, [named(fs.readlinkSync(path))]))),
  );
  sftp.on('REALPATH', (id, path) =>
    answer(id, () => told(() => sftp.name(id, [named(fs.realpathSync(path))]))),
  );
  // It does not end the channel by itself, and the client would wait for it.
  (sftp as unknown as ServerChannel).on('end', () => sftp.end());
}

function openFile(path: string, flags: number, attributes: Attributes): number {
  const text = flagsToString(flags) ?? 'r';
  // its 'r+' has no way to say CREAT
  const mode = (flags & OPEN_MODE.APPEND) !== 0 ? 'a' : text;
  return fs.openSync(path, mode, attributes.mode);
}

function setAttributes(file: string | number, { mode, size, atime, mtime }: InputAttributes): void {
  if (typeof mode === 'number')
    fs[typeof file === 'number' ? 'fchmodSync' : 'chmodSync'](file as never, mode);
  if (size !== undefined)
    fs[typeof file === 'number' ? 'ftruncateSync' : 'truncateSync'](file as never, size);
  if (atime !== undefined && mtime !== undefined)
    fs[typeof file === 'number' ? 'futimesSync' : 'utimesSync'](file as never, atime, mtime);
}

function attributesOf(stats: fs.Stats): Attributes {
  const { mode, uid, gid, size, atimeMs, mtimeMs } = stats;
  return {
    mode,
    uid,
    gid,
    size,
    atime: Math.floor(atimeMs / 1000),
    mtime: Math.floor(mtimeMs / 1000),
  };
}

function entryOf(path: string): ReturnType<typeof named> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { ...named(name), attrs: attributesOf(fs.lstatSync(path)) };
}

function named(name: string): { filename: string; longname: string; attrs: Attributes } {
  return {
    filename: name,
    longname: name,
    attrs: { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 },
  };
}
