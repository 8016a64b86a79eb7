/** What a file system with symbolic and hard links does, as simply as it can be said: whether it is done, and what is there then. */
import { APPEND, CREAT, EXCL, TRUNC, WRITE } from './raw-sftp-client.ts';

/** One thing to do. */
export type Step =
  | {
      readonly type: 'write';
      readonly path: string;
      readonly flags: number;
      readonly offset: number;
      readonly text: string;
    }
  | { readonly type: 'truncate'; readonly path: string; readonly size: number }
  | { readonly type: 'chmod'; readonly path: string; readonly mode: number }
  | { readonly type: 'mkdir' | 'rmdir' | 'remove'; readonly path: string }
  | {
      readonly type: 'rename' | 'posix-rename' | 'hardlink';
      readonly path: string;
      readonly to: string;
    }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string };

interface File {
  readonly type: 'file';
  mode: number;
  content: string;
}
interface Folder {
  readonly type: 'directory';
  mode: number;
  readonly entries: Map<string, Node>;
}
interface Link {
  readonly type: 'link';
  readonly target: string;
}
type Node = File | Folder | Link;

/** A name in a folder. */
interface Place {
  readonly folder: Folder;
  /** Real path of the folder. */
  readonly at: readonly string[];
  readonly name: string;
}

const MOST_LINKS = 40;

export class FileModel {
  readonly #root: Folder = { type: 'directory', mode: 0o755, entries: new Map() };

  /** Does it; says whether it was done. */
  apply(step: Step): boolean {
    const place = this.#place(step.path);
    if (place === undefined) return false;
    const node = place.folder.entries.get(place.name);
    switch (step.type) {
      case 'write':
        return this.#write(step, place);
      case 'truncate': {
        const file = this.#follow(step.path);
        if (file?.type !== 'file') return false;
        file.content = file.content.slice(0, step.size).padEnd(step.size, '\0');
        return true;
      }
      case 'chmod': {
        const target = this.#follow(step.path);
        if (target === undefined || target.type === 'link') return false;
        target.mode = step.mode & 0o777;
        return true;
      }
      case 'mkdir':
        return this.#add(place, { type: 'directory', mode: 0o755, entries: new Map() });
      case 'symlink': {
        const depth = step.target.startsWith('/') ? Infinity : place.at.length;
        return (
          !climbs(step.target, depth) && this.#add(place, { type: 'link', target: step.target })
        );
      }
      case 'rmdir':
        if (node?.type !== 'directory' || node.entries.size > 0) return false;
        return place.folder.entries.delete(place.name);
      case 'remove':
        if (node === undefined || node.type === 'directory') return false;
        return place.folder.entries.delete(place.name);
      case 'hardlink': {
        const to = this.#place(step.to);
        return node?.type === 'file' && to !== undefined && this.#add(to, node);
      }
      case 'rename':
      case 'posix-rename':
        return this.#rename(place, this.#place(step.to), step.type === 'posix-rename');
    }
  }

  /** Path, type, mode and content of all there is, sorted. */
  tree(folder: Folder = this.#root, at = ''): string[] {
    return [...folder.entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, node]) => {
        const path = `${at}/${name}`;
        if (node.type === 'link') return [`${path} link ${node.target}`];
        const mode = node.mode.toString(8);
        if (node.type === 'file') return [`${path} file ${mode} ${JSON.stringify(node.content)}`];
        return [`${path} directory ${mode}`, ...this.tree(node, path)];
      });
  }

  #write({ path, flags, offset, text }: Step & { type: 'write' }, place: Place): boolean {
    if (place.folder.entries.get(place.name) !== undefined && (flags & EXCL) !== 0) return false;
    if (place.folder.entries.get(place.name) === undefined && (flags & CREAT) !== 0)
      this.#add(place, { type: 'file', mode: 0o644, content: '' });
    const file = this.#follow(path);
    if (file?.type !== 'file') return false;
    if ((flags & TRUNC) !== 0) file.content = '';
    if ((flags & (WRITE | APPEND)) === 0) return false;
    const at = (flags & APPEND) === 0 ? offset : file.content.length;
    if (text === '') return true;
    const before = file.content.slice(0, at).padEnd(at, '\0');
    file.content = before + text + file.content.slice(at + text.length);
    return true;
  }

  #rename(from: Place, to: Place | undefined, replaces: boolean): boolean {
    const node = from.folder.entries.get(from.name);
    if (node === undefined || to === undefined) return false;
    const replaced = to.folder.entries.get(to.name);
    if (replaced !== undefined && !replaces) return false;
    if (node === replaced) return true;
    const path = [...from.at, from.name];
    if (node.type === 'directory' && path.every((name, index) => to.at[index] === name))
      return false;
    if (replaced !== undefined) {
      if ((node.type === 'directory') !== (replaced.type === 'directory')) return false;
      if (replaced.type === 'directory' && replaced.entries.size > 0) return false;
    }
    from.folder.entries.delete(from.name);
    to.folder.entries.set(to.name, node);
    return true;
  }

  #add({ folder, name }: Place, node: Node): boolean {
    if (folder.entries.get(name) !== undefined) return false;
    folder.entries.set(name, node);
    return true;
  }

  /** The name that a path ends with, in its folder; `undefined` when there is no such folder. */
  #place(path: string): Place | undefined {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop();
    const found = this.#walk(parts, []);
    if (found?.node.type !== 'directory' || name === undefined) return undefined;
    return { folder: found.node, at: found.at, name };
  }

  /** What a path leads to, the last link followed. */
  #follow(path: string): Node | undefined {
    return this.#walk(
      path.split('/').filter((part) => part !== ''),
      [],
    )?.node;
  }

  #walk(
    parts: readonly string[],
    start: readonly string[],
    links = 0,
  ): { readonly node: Node; readonly at: readonly string[] } | undefined {
    let at = [...start];
    for (const [index, part] of parts.entries()) {
      if (part === '.') continue;
      if (part === '..') {
        at.pop();
        continue;
      }
      const folder = this.#at(at);
      const node = folder?.type === 'directory' ? folder.entries.get(part) : undefined;
      if (node === undefined) return undefined;
      if (node.type !== 'link') {
        if (node.type === 'file' && index < parts.length - 1) return undefined;
        at = [...at, part];
        continue;
      }
      if (links >= MOST_LINKS) return undefined;
      const rest = [
        ...node.target.split('/').filter((each) => each !== ''),
        ...parts.slice(index + 1),
      ];
      return this.#walk(rest, node.target.startsWith('/') ? [] : at, links + 1);
    }
    const node = this.#at(at);
    return node === undefined ? undefined : { node, at };
  }

  #at(path: readonly string[]): Node | undefined {
    return path.reduce<Node | undefined>(
      (node, name) => (node?.type === 'directory' ? node.entries.get(name) : undefined),
      this.#root,
    );
  }
}

function climbs(target: string, depth: number): boolean {
  let left = depth;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    left += part === '..' ? -1 : 1;
    if (left < 0) return true;
  }
  return false;
}
