/**
 * SFTP over a store of one's own: notes in a Map, which is kept as one JSON file. There are no folders, and what the store has
 * no function for (links, times, …) clients are told of as not supported.
 *
 *     node own-store.js NOTES.json PORT          then: sftp -P PORT me@127.0.0.1, with the password from NOTES_PASSWORD
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import {
  type DirectoryEntry,
  type FileAttributes,
  type FileName,
  listen,
  type OpenFlags,
  type SftpFile,
  type SftpFileSystem,
  sftpServer,
  StatusCode,
  statusError,
} from 'rxssh';
import { fingerprint, generatePrivateKey } from 'rxssh/keys';

/** Larger notes are refused. */
const MOST_BYTES = 1024 * 1024;
const FOLDER: FileAttributes = { permissions: 0o040755 };
const ROOT = '/';

/** Notes by their names. */
export class NoteStore implements SftpFileSystem {
  readonly #file: string;
  readonly #notes: Map<string, Uint8Array>;

  private constructor(file: string, notes: Map<string, Uint8Array>) {
    this.#file = file;
    this.#notes = notes;
  }

  static async load(file: string): Promise<NoteStore> {
    const text = await readFile(file, 'utf8').catch(() => '{}');
    const notes = Object.entries(JSON.parse(text) as Record<string, string>);
    return new NoteStore(file, new Map(notes.map(([name, note]) => [name, Buffer.from(note)])));
  }

  *open({ text }: FileName, { create, truncate, exclusive, write }: OpenFlags): Iterable<SftpFile> {
    const known = this.#notes.get(text);
    if (known === undefined && !create) throw statusError(StatusCode.NO_SUCH_FILE, 'open');
    if (known !== undefined && exclusive)
      throw statusError(StatusCode.FAILURE, 'open', { message: 'there is one by this name' });
    if (text.lastIndexOf('/') > 0) throw statusError(StatusCode.NO_SUCH_FILE, 'open');
    const note = truncate ? undefined : known;
    yield new OpenNote(
      note ?? new Uint8Array(0),
      write ? (bytes) => this.#keep(text, bytes) : undefined,
    );
  }

  *opendir({ text }: FileName): Iterable<DirectoryEntry> {
    if (text !== ROOT) throw statusError(StatusCode.NO_SUCH_FILE, 'opendir');
    for (const [path, note] of this.#notes)
      yield { name: path.slice(1), attributes: attributesOf(note) };
  }

  async stat({ text }: FileName): Promise<FileAttributes> {
    if (text === ROOT) return FOLDER;
    return attributesOf(this.#note(text));
  }

  async remove({ text }: FileName): Promise<void> {
    this.#note(text);
    this.#notes.delete(text);
    await this.#save();
  }

  async rename(from: FileName, to: FileName): Promise<void> {
    const note = this.#note(from.text);
    if (this.#notes.has(to.text) || to.text.lastIndexOf('/') > 0)
      throw statusError(StatusCode.FAILURE, 'rename');
    this.#notes.delete(from.text);
    await this.#keep(to.text, note);
  }

  #note(path: string): Uint8Array {
    const note = this.#notes.get(path);
    if (note === undefined) throw statusError(StatusCode.NO_SUCH_FILE, 'stat');
    return note;
  }

  async #keep(path: string, note: Uint8Array): Promise<void> {
    this.#notes.set(path, note);
    await this.#save();
  }

  async #save(): Promise<void> {
    const notes = [...this.#notes].map(([path, note]) => [path, Buffer.from(note).toString()]);
    await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(notes), null, 2));
    await rename(`${this.#file}.new`, this.#file);
  }
}

/** A note that is open; what was written is kept when it is closed. */
class OpenNote implements SftpFile {
  #bytes: Uint8Array;
  readonly #keep: ((bytes: Uint8Array) => Promise<void>) | undefined;

  constructor(bytes: Uint8Array, keep: ((bytes: Uint8Array) => Promise<void>) | undefined) {
    this.#bytes = bytes;
    this.#keep = keep;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const part = this.#bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#keep === undefined) throw statusError(StatusCode.PERMISSION_DENIED, 'write');
    this.#resize(Math.max(this.#bytes.length, position + bytes.length));
    this.#bytes.set(bytes, position);
  }

  async stat(): Promise<FileAttributes> {
    return attributesOf(this.#bytes);
  }

  /** Sizes are set; modes and times are not kept here, and clients set them without being asked to. */
  async setstat({ size }: FileAttributes): Promise<void> {
    if (size !== undefined) this.#resize(size);
  }

  async close(): Promise<void> {
    await this.#keep?.(this.#bytes);
  }

  #resize(size: number): void {
    if (size > MOST_BYTES)
      throw statusError(StatusCode.FAILURE, 'write', { message: 'notes are shorter than that' });
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, size));
    this.#bytes = bytes;
  }
}

function attributesOf(note: Uint8Array): FileAttributes {
  return { size: note.length, permissions: 0o100644 };
}

const [file, port] = process.argv.slice(2);
const password = process.env['NOTES_PASSWORD'];
if (file === undefined || port === undefined || password === undefined) {
  console.error('usage: NOTES_PASSWORD=… own-store NOTES.json PORT');
  process.exitCode = 2;
} else {
  const store = await NoteStore.load(file);
  // a new one each time: a real server keeps its key
  const hostKey = generatePrivateKey('ed25519');
  listen({
    port: Number(port),
    hostKeys: [hostKey],
    authenticate: (attempt) => attempt.method === 'password' && attempt.password === password,
    authentication: { methods: ['password'] },
    subsystems: { sftp: sftpServer(store) },
  }).subscribe((event) => {
    if (event.type === 'listening')
      console.log(`listening on ${String(event.port)}, key ${fingerprint(hostKey.publicKey)}`);
  });
}
