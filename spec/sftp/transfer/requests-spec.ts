/** What a small file costs in requests, and what waits for which answer. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { posixRename } from '../../../src/sftp/extensions.ts';
import { fileName } from '../../../src/sftp/file-name.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { localFiles } from '../../../src/sftp/transfer/local-files-node.ts';
import { RemoteFiles } from '../../../src/sftp/transfer/remote-files.ts';
import { transfer } from '../../../src/sftp/transfer/transfer.ts';
import type { TransferProgress } from '../../../src/sftp/transfer/transfer-options.ts';
import { utf8Bytes, utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { OneFile, type Request, SftpScript, status } from '../../support/sftp-script.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

afterEach(closeEmbedded);
const inFolder = useTempFolder();

const REMOTE = fileName(utf8Bytes('/file'));
const CONTENT = 'x'.repeat(4096);

/** A server with limits that has one file, and does not answer requests of the types that it keeps. */
function server(file: OneFile, kept: readonly Request['type'][] = [], version = 3) {
  const waiting: Request[] = [];
  const script = new SftpScript({
    version,
    length: 32 * 1024,
    ...(version < 3 ? {} : { extensions: { [posixRename.name]: posixRename.version } }),
    answer: (request) => {
      if (kept.includes(request.type)) waiting.push(request);
      else if (request.type === 'STAT')
        return file.content.length === 0
          ? [status(request.id, StatusCode.NO_SUCH_FILE)]
          : [{ type: 'ATTRS', id: request.id, attributes: { size: file.content.length } }];
      else if (request.type === 'EXTENDED' || request.type === 'REMOVE')
        return [status(request.id)];
      else return file.answer(request);
      return [];
    },
  });
  return { script, waiting };
}

async function put(script: SftpScript): Promise<Observable<TransferProgress>> {
  writeFileSync(inFolder('file'), CONTENT);
  const source = localFiles.path(inFolder('file'));
  const to = new RemoteFiles(await script.client());
  return transfer({ from: localFiles, source, to, target: REMOTE }, {});
}

it.each([0, 1])('a file is put in place where version %i cannot rename (SC10)', async (version) => {
  const file = new OneFile();
  const { script } = server(file, [], version);
  expect((await allOf(await put(script))).at(-1)).toBe('complete');
  expect(utf8Text(file.content)).toBe(CONTENT);
  expect(script.of('OPEN').map(({ path }) => utf8Text(path))).toEqual([REMOTE.text]);
});

describe('a file of 4 KiB', () => {
  it('is got with one READ', async () => {
    const { script } = server(new OneFile(CONTENT));
    const from = new RemoteFiles(await script.client());
    const target = localFiles.path(inFolder('got'));
    await allOf(transfer({ from, source: REMOTE, to: localFiles, target }, {}));
    await turn();
    expect(script.take()).toEqual(['STAT', 'OPEN', 'READ', 'CLOSE']);
    expect(readFileSync(inFolder('got'), 'utf8')).toBe(CONTENT);
    expect(readdirSync(inFolder())).toEqual(['got']);
  });

  it('is put with CLOSE right behind WRITE, and gets its name when both are confirmed', async () => {
    const file = new OneFile();
    const { script, waiting } = server(file, ['WRITE', 'CLOSE']);
    const events = allOf(await put(script));
    while (waiting.length < 2) await turn();
    expect(script.take()).toEqual(['STAT', 'OPEN', 'WRITE', 'CLOSE']);
    const [write, close] = waiting.map(({ id }) => status(id));
    await script.say(...(close === undefined ? [] : [close]));
    expect(script.take()).toEqual([]);
    await script.say(...(write === undefined ? [] : [write]));
    expect(script.take()).toEqual(['EXTENDED']);
    expect((await events).slice(-2)).toMatchObject([{ state: 'done', bytes: 4096 }, 'complete']);
  });

  it('that cannot be written gets no name, though it is closed already', async () => {
    const { script, waiting } = server(new OneFile(), ['WRITE']);
    const events = allOf(await put(script));
    while (waiting.length < 1) await turn();
    await script.say(...waiting.map(({ id }) => status(id, StatusCode.FAILURE, 'disk full')));
    expect((await events).at(-1)).toMatchObject({ kind: 'sftp', detail: { operation: 'write' } });
    expect(script.take()).toEqual(['STAT', 'OPEN', 'WRITE', 'CLOSE', 'REMOVE']);
  });
});
