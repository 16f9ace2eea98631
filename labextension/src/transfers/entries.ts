// What was dropped from the desktop, or chosen, as files with paths.
import type { IIncoming } from './intake';

/** Folders inside one another that are followed: a loop of links ends somewhere. */
const DEPTH = 100;

/**
 * Reads what an event carries. It has to be called while the event is handled: afterwards it is empty.
 *
 * The result holds all files below `folder`, and the folders that have no file.
 */
export function readDrop(
  data: DataTransfer,
  folder: string
): Promise<IIncoming[]> {
  const entries = Array.from(data.items).flatMap(
    item => item.webkitGetAsEntry() ?? []
  );
  if (!entries.length) {
    const files = Array.from(data.files);
    return Promise.resolve(
      files.map(file => ({ path: join(folder, file.name), file }))
    );
  }
  return readAll(entries, folder, 0);
}

/** Files of an input; those of a chosen folder know their place in it. */
export function readInput(files: Iterable<File>, folder: string): IIncoming[] {
  return Array.from(files, file => ({
    path: join(folder, file.webkitRelativePath || file.name),
    file
  }));
}

/** Lets the user choose; an empty list if nothing was chosen. */
export function pickFiles(what: 'one' | 'several' | 'folder'): Promise<File[]> {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = what === 'several';
  input.webkitdirectory = what === 'folder';
  return new Promise(resolve => {
    input.onchange = () => resolve(Array.from(input.files ?? []));
    input.oncancel = () => resolve([]);
    input.click();
  });
}

async function readAll(
  entries: readonly FileSystemEntry[],
  folder: string,
  depth: number
): Promise<IIncoming[]> {
  const found: IIncoming[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile) {
      found.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
    } else if (depth < DEPTH) {
      const children = await childrenOf(entry as FileSystemDirectoryEntry);
      found.push(
        ...(children.length
          ? await readAll(children, path, depth + 1)
          : [{ path, file: null }])
      );
    }
  }
  return found;
}

/** Chromium gives at most 100 at a time: ask until there is nothing more. */
async function childrenOf(
  folder: FileSystemDirectoryEntry
): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (!some.length) {
      return all;
    }
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** Names are taken as they are: "a..b", "~" or a backslash mean nothing here. */
export function join(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}
