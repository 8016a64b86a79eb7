import { afterEach, describe, expect, it } from '@jest/globals';
import { copyData } from '../../../src/sftp/extensions.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import {
  type Answers,
  handle,
  names,
  OneFile,
  type Request,
  SftpScript,
  status,
} from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

const MiB = 1024 * 1024;
const EXTENSIONS = { [copyData.name]: copyData.version };

/** A server with a file of this size; each copy is answered by `copy`. */
function copying(size: number, copy: (id: number, part: number) => Answers): SftpScript {
  let part = 0;
  return new SftpScript({
    extensions: EXTENSIONS,
    answer: (request: Request) => {
      const { id } = request;
      if (request.type === 'STAT') return [status(id, StatusCode.NO_SUCH_FILE)];
      if (request.type === 'OPEN') return [handle(id, utf8Text(request.path))];
      if (request.type === 'FSTAT') return [{ type: 'ATTRS', id, attributes: { size } }];
      return request.type === 'EXTENDED' ? copy(id, part++) : [status(id)];
    },
  });
}

function parts(script: SftpScript): string[] {
  return script.of('EXTENDED').map(({ data }) => {
    const { readHandle, readOffset, readLength, writeHandle, writeOffset } =
      copyData.request.decode(data);
    expect(writeOffset).toBe(readOffset);
    return `${utf8Text(readHandle)} ${utf8Text(writeHandle)} ${String(readOffset)}+${String(readLength)}`;
  });
}

describe('copying within the server', () => {
  it('is one request for a small file, up to the end', async () => {
    const script = copying(1000, (id) => [status(id)]);
    const fs = await script.client();
    expect(await allOf(fs.copy('/a', '/b'))).toEqual([1000, 'complete']);
    expect(parts(script)).toEqual(['/a /b 0+0']);
    await turn();
    expect(script.of('CLOSE')).toHaveLength(2);
  });

  it('is done in parts, the last one up to the end, wherever that is', async () => {
    const script = copying(150 * MiB, (id) => [status(id)]);
    const fs = await script.client();
    const seen = await allOf(fs.copy('/a', '/b'));
    expect(seen).toEqual([64 * MiB, 128 * MiB, 150 * MiB, 'complete']);
    const part = String(64 * MiB);
    expect(parts(script)).toEqual([
      `/a /b 0+${part}`,
      `/a /b ${part}+${part}`,
      `/a /b ${String(128 * MiB)}+0`,
    ]);
  });

  it('ends early where a file has shrunk, or is not what was said', async () => {
    const script = copying(2 ** 60, (id, part) => [status(id, part < 1 ? 0 : StatusCode.EOF)]);
    const fs = await script.client();
    expect(await allOf(fs.copy('/a', '/b'))).toEqual([64 * MiB, 'complete']);
    expect(script.of('EXTENDED')).toHaveLength(2);
  });

  it('errors with what the server says, and closes both files', async () => {
    const script = copying(1000, (id) => [status(id, StatusCode.FAILURE, 'full')]);
    const fs = await script.client();
    expect(await allOf(fs.copy('/a', '/b'))).toMatchObject([
      { kind: 'sftp', message: 'copy /a: full' },
    ]);
    await turn();
    expect(script.of('CLOSE')).toHaveLength(2);
  });
});

describe('copying', () => {
  it('goes through the client where the server cannot do it', async () => {
    const file = new OneFile('content');
    const script = new SftpScript({
      answer: (request) =>
        request.type === 'STAT'
          ? [status(request.id, StatusCode.NO_SUCH_FILE)]
          : file.answer(request),
    });
    const fs = await script.client();
    expect((await allOf(fs.copy('/a', '/b'))).at(-1)).toBe('complete');
    expect(script.of('OPEN').map(({ path }) => utf8Text(path))).toEqual(['/a', '/b']);
    expect(script.of('WRITE').map(({ data }) => utf8Text(data))).toEqual(['content']);
    await turn();
    expect(file.openHandles).toBe(0);
  });

  it.each([{}, EXTENSIONS])(
    'of what is not there leaves alone what is (%j)',
    async (extensions) => {
      const script = new SftpScript({
        extensions,
        answer: (request) => {
          const { type, id } = request;
          if (type === 'STAT') return [{ type: 'ATTRS', id, attributes: {} }];
          if (type === 'REALPATH') return [names(id, utf8Text(request.path))];
          const isMissing = type === 'OPEN' && utf8Text(request.path) === '/missing';
          return [isMissing ? status(id, StatusCode.NO_SUCH_FILE) : handle(id)];
        },
      });
      const fs = await script.client();
      expect(await allOf(fs.copy('/missing', '/b'))).toMatchObject([
        { kind: 'sftp', detail: { status: StatusCode.NO_SUCH_FILE, path: '/missing' } },
      ]);
      expect(script.of('OPEN').map(({ path }) => utf8Text(path))).toEqual(['/missing']);
    },
  );

  it('of a file onto itself opens nothing', async () => {
    const script = new SftpScript({
      extensions: EXTENSIONS,
      answer: ({ type, id }) =>
        type === 'STAT' ? [{ type: 'ATTRS', id, attributes: {} }] : [names(id, '/real')],
    });
    const fs = await script.client();
    expect(await allOf(fs.copy('/a', '/b'))).toMatchObject([{ kind: 'config' }]);
    expect(script.of('OPEN')).toEqual([]);
  });
});
