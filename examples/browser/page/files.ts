/** Files over SFTP: folders to click into, files to download and to upload. */
import {
  escapeText,
  type FileEntry,
  type FileName,
  isDirectory,
  isFile,
  joinPath,
  type Path,
  type SftpClient,
  type SshClient,
  toWebStream,
} from 'rxssh';
import {
  catchError,
  defer,
  EMPTY,
  filter,
  from,
  fromEvent,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  startWith,
  Subject,
  switchMap,
  tap,
  toArray,
} from 'rxjs';
import { byId, element } from './elements.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Shows the files of a server. Never emits; unsubscribing ends what is going on. */
export function files(client: SshClient): Observable<never> {
  return defer(() => {
    const view = new FileView();
    const shown$ = client.sftp().pipe(
      switchMap((fs) => {
        const list$ = view.folder$.pipe(
          startWith('.'),
          switchMap((folder) => view.told(list(fs, folder, view))),
        );
        const downloads$ = view.file$.pipe(mergeMap((file) => download(fs, file, view)));
        const uploads$ = view.upload$.pipe(mergeMap((upload) => uploaded(fs, upload, view)));
        return merge(list$, downloads$, uploads$);
      }),
    );
    // a server without SFTP still has a shell
    return view.told(shown$).pipe(ignoreElements());
  });
}

/** What is in a folder, folders first. */
function list(fs: SftpClient, folder: Path, view: FileView): Observable<unknown> {
  return fs.realpath(folder).pipe(
    switchMap((path) =>
      fs.list(path).pipe(
        toArray(),
        tap((entries) => view.showFolder(path, entries.sort(byKindAndName))),
      ),
    ),
  );
}

function byKindAndName(one: FileEntry, other: FileEntry): number {
  const kind = Number(isDirectory(other.attributes)) - Number(isDirectory(one.attributes));
  return kind || one.name.text.localeCompare(other.name.text);
}

/** Reads a file as fast as the browser stores it, and hands it over, with its SHA-256 to compare. */
function download(
  fs: SftpClient,
  { name, path, size }: Chosen,
  view: FileView,
): Observable<unknown> {
  return view.transfer(`Download of ${name}`, name, size, (row) => {
    const bytes$ = fs.read(path).pipe(tap((chunk) => row.reach(row.bytes + chunk.length)));
    return from(new Response(toWebStream(bytes$)).blob()).pipe(
      switchMap(async (blob) => {
        save(blob, name);
        row.finish(`SHA-256 ${await sha256(blob)}`);
      }),
    );
  });
}

/** Reads a file of this machine as fast as the server takes it. One that is there already stays as it is. */
function uploaded(fs: SftpClient, { file, folder }: Upload, view: FileView): Observable<unknown> {
  const { name, size } = file;
  return view.transfer(`Upload of ${name}`, name, size, (row) =>
    fs
      .write(joinPath(folder, name), { flags: 'wx' })
      .pump(file.stream())
      .pipe(
        tap({
          next: (bytes) => row.reach(bytes),
          complete: () => {
            row.finish('uploaded');
            view.refresh(folder);
          },
        }),
      ),
  );
}

/** A file or folder that was clicked. */
interface Chosen {
  readonly name: string;
  readonly path: Path;
  readonly size: number | undefined;
  readonly isFolder: boolean;
}

/** A file of this machine, and the folder that was shown when it was chosen. */
interface Upload {
  readonly file: File;
  readonly folder: FileName;
}

class FileView {
  readonly folder$: Observable<Path>;
  readonly file$: Observable<Chosen>;
  readonly upload$: Observable<Upload>;
  readonly #path = byId('path', HTMLElement);
  readonly #entries = byId('entries', HTMLUListElement);
  readonly #transfers = byId('transfers', HTMLUListElement);
  readonly #upload = byId('upload', HTMLInputElement);
  readonly #stale = new Subject<Path>();
  #folder: FileName | undefined;
  /** Names are bytes, and need not be text: they cannot stand in an attribute. */
  readonly #chosen = new WeakMap<EventTarget, Chosen>();

  constructor() {
    this.#transfers.replaceChildren();
    const chosen$ = merge(fromEvent(this.#path, 'click'), fromEvent(this.#entries, 'click')).pipe(
      map(({ target }) => target instanceof Element && target.closest('button')),
      map((button) => (button instanceof Element ? this.#chosen.get(button) : undefined)),
      filter((chosen) => chosen !== undefined),
    );
    const entered$ = chosen$.pipe(
      filter(({ isFolder }) => isFolder),
      map(({ path }) => path),
    );
    this.folder$ = merge(entered$, this.#stale);
    this.file$ = chosen$.pipe(filter(({ isFolder }) => !isFolder));
    this.upload$ = fromEvent(this.#upload, 'change').pipe(mergeMap(() => this.#takeUploads()));
  }

  showFolder(path: FileName, entries: readonly FileEntry[]): void {
    this.#folder = path;
    const names = path.text.split('/').filter((name) => name !== '');
    const crumbs = ['/', ...names].map((name, at) =>
      this.#button(name, { path: `/${names.slice(0, at).join('/')}`, isFolder: true }),
    );
    this.#path.replaceChildren(...crumbs);
    this.#entries.replaceChildren(
      ...entries.map((entry) => element('li', {}, this.#entry(path, entry))),
    );
  }

  /** The folder is shown anew, if it is still the one that is shown. */
  refresh(folder: FileName): void {
    if (folder === this.#folder) this.#stale.next(folder);
  }

  /** A row that shows how far a transfer is; an error stands there, and ends nothing else. */
  transfer(
    title: string,
    name: string,
    size: number | undefined,
    work: (row: TransferRow) => Observable<unknown>,
  ): Observable<unknown> {
    return defer(() => {
      const row = new TransferRow(title, name, size);
      this.#transfers.prepend(row.item);
      return work(row).pipe(
        catchError((error: unknown) => {
          row.fail(error);
          return EMPTY;
        }),
      );
    });
  }

  /** An error is shown where the files are, and ends nothing else. */
  told(work$: Observable<unknown>): Observable<unknown> {
    return work$.pipe(
      catchError((error: unknown) => {
        this.#entries.replaceChildren(element('li', { className: 'soft' }, messageOf(error)));
        return EMPTY;
      }),
    );
  }

  #takeUploads(): readonly Upload[] {
    const folder = this.#folder;
    const files = Array.from(this.#upload.files ?? []);
    // the same file may be chosen again
    this.#upload.value = '';
    return folder === undefined ? [] : files.map((file) => ({ file, folder }));
  }

  #entry(folder: Path, { name, attributes }: FileEntry): HTMLButtonElement {
    const isFolder = isDirectory(attributes);
    const size = attributes.size;
    const button = this.#button('', { path: joinPath(folder, name), isFolder, size }, name.text);
    button.disabled = !isFolder && !isFile(attributes);
    button.title = isFolder ? 'Open this folder' : 'Download this file';
    button.append(
      element('span', { className: `icon ${isFolder ? 'folder' : 'file'}` }),
      element('span', { className: 'name' }, escapeText(name.text)),
      element('span', { className: 'soft' }, isFolder ? '' : sizeText(size ?? 0)),
    );
    return button;
  }

  #button(
    label: string,
    chosen: { path: Path; isFolder: boolean; size?: number | undefined },
    name = label,
  ): HTMLButtonElement {
    const button = element('button', { type: 'button' }, escapeText(label));
    this.#chosen.set(button, { name, size: undefined, ...chosen });
    return button;
  }
}

/** How far a file is. */
class TransferRow {
  readonly item: HTMLLIElement;
  readonly #progress = element('progress', { max: 1 });
  readonly #text = element('span', { className: 'soft' });
  readonly #began = performance.now();
  readonly #size: number | undefined;
  #bytes = 0;
  #seconds = 0;

  constructor(title: string, name: string, size: number | undefined) {
    this.#size = size;
    this.#progress.ariaLabel = title;
    this.item = element('li', {}, escapeText(name), this.#progress, this.#text);
  }

  /** Bytes that are done. */
  get bytes(): number {
    return this.#bytes;
  }

  reach(bytes: number): void {
    this.#bytes = bytes;
    this.#seconds = (performance.now() - this.#began) / 1000;
    if (this.#size !== undefined) this.#progress.value = bytes / (this.#size || 1);
    this.#text.textContent = sizeText(bytes);
  }

  finish(outcome: string): void {
    this.#progress.remove();
    const rate = `${sizeText(this.#bytes)}, ${sizeText(this.#bytes / (this.#seconds || 1))}/s`;
    this.#text.textContent = `${rate} · ${outcome}`;
  }

  fail(error: unknown): void {
    this.#progress.remove();
    this.#text.textContent = messageOf(error);
    this.#text.role = 'alert';
  }
}

/** Saves it as the browser saves downloads. */
function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  element('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function sizeText(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit] ?? ''}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
