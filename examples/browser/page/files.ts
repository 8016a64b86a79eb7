/** Files over SFTP: folders to click into, and files to download. */
import {
  escapeText,
  type FileEntry,
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
        return merge(list$, view.file$.pipe(mergeMap((file) => download(fs, file, view))));
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
        tap((entries) => view.showFolder(path.text, entries.sort(byKindAndName))),
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
  return defer(() => {
    const row = view.addDownload(name, size);
    const bytes$ = fs.read(path).pipe(tap((chunk) => row.add(chunk.length)));
    return from(new Response(toWebStream(bytes$)).blob()).pipe(
      switchMap((blob) => row.finish(blob)),
      catchError((error: unknown) => {
        row.fail(error);
        return EMPTY;
      }),
    );
  });
}

/** A file or folder that was clicked. */
interface Chosen {
  readonly name: string;
  readonly path: Path;
  readonly size: number | undefined;
  readonly isFolder: boolean;
}

class FileView {
  readonly folder$: Observable<Path>;
  readonly file$: Observable<Chosen>;
  readonly #path = byId('path', HTMLElement);
  readonly #entries = byId('entries', HTMLUListElement);
  readonly #downloads = byId('downloads', HTMLUListElement);
  /** Names are bytes, and need not be text: they cannot stand in an attribute. */
  readonly #chosen = new WeakMap<EventTarget, Chosen>();

  constructor() {
    this.#downloads.replaceChildren();
    const chosen$ = merge(fromEvent(this.#path, 'click'), fromEvent(this.#entries, 'click')).pipe(
      map(({ target }) => target instanceof Element && target.closest('button')),
      map((button) => (button instanceof Element ? this.#chosen.get(button) : undefined)),
      filter((chosen) => chosen !== undefined),
    );
    this.folder$ = chosen$.pipe(
      filter(({ isFolder }) => isFolder),
      map(({ path }) => path),
    );
    this.file$ = chosen$.pipe(filter(({ isFolder }) => !isFolder));
  }

  showFolder(path: string, entries: readonly FileEntry[]): void {
    const names = path.split('/').filter((name) => name !== '');
    const crumbs = ['/', ...names].map((name, at) =>
      this.#button(name, { path: `/${names.slice(0, at).join('/')}`, isFolder: true }),
    );
    this.#path.replaceChildren(...crumbs);
    this.#entries.replaceChildren(
      ...entries.map((entry) => element('li', {}, this.#entry(path, entry))),
    );
  }

  addDownload(name: string, size: number | undefined): DownloadRow {
    const row = new DownloadRow(name, size);
    this.#downloads.prepend(row.item);
    return row;
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

  #entry(folder: string, { name, attributes }: FileEntry): HTMLButtonElement {
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

/** How far a download is. */
class DownloadRow {
  readonly item: HTMLLIElement;
  readonly #name: string;
  readonly #progress = element('progress', { max: 1 });
  readonly #text = element('span', { className: 'soft' });
  readonly #began = performance.now();
  readonly #size: number | undefined;
  #bytes = 0;

  constructor(name: string, size: number | undefined) {
    this.#name = name;
    this.#size = size;
    this.#progress.ariaLabel = `Download of ${name}`;
    this.item = element('li', {}, escapeText(name), this.#progress, this.#text);
  }

  add(length: number): void {
    this.#bytes += length;
    if (this.#size !== undefined) this.#progress.value = this.#bytes / (this.#size || 1);
    this.#text.textContent = sizeText(this.#bytes);
  }

  /** Saves it as the browser saves downloads. */
  async finish(blob: Blob): Promise<void> {
    const seconds = (performance.now() - this.#began) / 1000;
    const url = URL.createObjectURL(blob);
    element('a', { href: url, download: this.#name }).click();
    URL.revokeObjectURL(url);
    this.#progress.remove();
    const rate = `${sizeText(blob.size)}, ${sizeText(blob.size / seconds)}/s`;
    this.#text.textContent = `${rate} · SHA-256 ${await sha256(blob)}`;
  }

  fail(error: unknown): void {
    this.#progress.remove();
    this.#text.textContent = messageOf(error);
    this.#text.role = 'alert';
  }
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
