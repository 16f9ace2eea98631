// Files that were chosen or dropped, until every question about them is answered.
import type { Contents } from '@jupyterlab/services';

import { PathExt } from '@jupyterlab/coreutils';

import type { Transfer } from './transfer';
import type { TransfersModel } from './model';

/** A file, or with `file` null an empty folder, and the API path where it is to be. */
export interface IIncoming {
  path: string;
  file: File | null;
}

/** Something that has the name of a file to upload. */
export interface ITaken {
  path: string;
  file: File;
  /** What is there. */
  there: Contents.IModel;
}

/** `skip` leaves what is there, and uploads nothing. */
export type Choice = 'replace' | 'keep' | 'skip';

/**
 * Asks what to do with names that are taken, before the first byte goes, and uploads the rest.
 *
 * What is given in one go is asked about in one go. Questions about one batch wait for those of the last.
 */
export class Intake {
  constructor(private _options: Intake.IOptions) {}

  /** Takes one file; those that come in the same moment make one batch. Settles as `TransfersModel.upload`. */
  addFile(file: File, path: string): Promise<Transfer> {
    return new Promise((resolve, reject) => {
      this._loose.push({ path, file, resolve });
      if (this._loose.length === 1) {
        setTimeout(() => {
          const batch = this._loose;
          this._loose = [];
          this._inTurn(() => this._upload(batch)).catch(reject);
        });
      }
    });
  }

  /** Takes files and empty folders below `top`. Fulfilled when all questions are answered. */
  addTree(top: string, entries: readonly IIncoming[]): Promise<void> {
    return this._inTurn(async () => {
      const folders = new Folders(this._options.contents);
      for (const folder of foldersOf(top, entries)) {
        await folders.make(folder);
      }
      const files = entries.flatMap(({ path, file }) =>
        file ? [{ path, file, resolve: () => undefined }] : []
      );
      await this._upload(files, folders);
    });
  }

  /** `path` if it is free, else the first free name like it. */
  async freePath(path: string): Promise<string> {
    const there = await new Folders(this._options.contents).read(
      PathExt.dirname(path)
    );
    return freePath(path, name => there.has(name));
  }

  private async _upload(
    batch: readonly ILoose[],
    folders = new Folders(this._options.contents)
  ): Promise<void> {
    const { transfers } = this._options;
    const taken: (ITaken & ILoose)[] = [];
    const names = new Set<string>();
    for (const item of batch) {
      const { path, file, resolve } = item;
      const begun = transfers.findUnfinished(file, path);
      if (begun) {
        transfers.continueWith(begun, file);
        resolve(transfers.wait(begun));
        continue;
      }
      const folder = await folders.read(PathExt.dirname(path));
      const there = folder.get(PathExt.basename(path));
      names.add(path);
      if (there) {
        taken.push({ ...item, there });
      } else {
        resolve(transfers.upload(file, path, null));
      }
    }
    await this._uploadTaken(taken, async path => {
      const folder = await folders.read(PathExt.dirname(path));
      const name = freePath(
        path,
        (name, whole) => folder.has(name) || names.has(whole)
      );
      names.add(name);
      return name;
    });
  }

  /** Asks about each name that is taken, until one answer is for all. */
  private async _uploadTaken(
    taken: readonly (ITaken & ILoose)[],
    free: (path: string) => Promise<string>
  ): Promise<void> {
    const { ask, contents, transfers } = this._options;
    let forAll: Choice | null = null;
    for (const [index, item] of taken.entries()) {
      const { path, file, resolve, there } = item;
      const isFolder = there.type === 'directory';
      let choice: Choice;
      if (forAll && !(forAll === 'replace' && isFolder)) {
        choice = forAll;
      } else {
        const answer = await ask(item, taken.length - index - 1);
        choice = answer.choice;
        forAll = answer.isForAll ? choice : forAll;
      }
      if (choice === 'replace') {
        // The hash of what the question was about; listings have none.
        const { hash } = await contents.get(path, {
          content: false,
          hash: true
        });
        resolve(transfers.upload(file, path, hash ?? ''));
      } else if (choice === 'keep') {
        resolve(transfers.upload(file, await free(path), null));
      }
    }
  }

  private _inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this._last.then(run);
    this._last = turn.catch(() => undefined);
    return turn;
  }

  private _loose: ILoose[] = [];
  private _last: Promise<void> = Promise.resolve();
}

export namespace Intake {
  export interface IOptions {
    contents: Pick<Contents.IManager, 'get' | 'save'>;
    transfers: TransfersModel;
    /** Asks what to do; `others` more questions of the batch may follow. */
    ask: (
      taken: ITaken,
      others: number
    ) => Promise<{ choice: Choice; isForAll: boolean }>;
  }
}

interface ILoose {
  path: string;
  file: File;
  resolve: (outcome: Promise<Transfer>) => void;
}

/** What folders hold, each read once. */
class Folders {
  constructor(private _contents: Intake.IOptions['contents']) {}

  /** By name; nothing if the folder cannot be read: the upload itself will tell why. */
  read(folder: string): Promise<Map<string, Contents.IModel>> {
    const known = this._known.get(folder) ?? this._ask(folder);
    this._known.set(folder, known);
    return known;
  }

  /** Creates a folder if it is not there. A file of that name is in the way: rejected. */
  async make(folder: string): Promise<void> {
    const parent = await this.read(PathExt.dirname(folder));
    if (parent.get(PathExt.basename(folder))?.type !== 'directory') {
      await this._contents.save(folder, { type: 'directory' });
      // Nothing to ask for: it is new.
      this._known.set(
        folder,
        Promise.resolve(new Map<string, Contents.IModel>())
      );
    }
  }

  private async _ask(folder: string): Promise<Map<string, Contents.IModel>> {
    try {
      const model = await this._contents.get(folder);
      const items = model.content as Contents.IModel[];
      return new Map(items.map(item => [item.name, item]));
    } catch {
      return new Map();
    }
  }

  private _known = new Map<string, Promise<Map<string, Contents.IModel>>>();
}

/** "data.csv" -> "data-Copy1.csv", as Jupyter names copies; the first that is not taken. */
export function freePath(
  path: string,
  isTaken: (name: string, path: string) => boolean
): string {
  const name = PathExt.basename(path);
  // A name that begins with its only dot has no ending.
  const dot = name.indexOf('.', 1);
  const [stem, ending] =
    dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
  for (let count = 0; ; count++) {
    const next = count ? `${stem}-Copy${count}${ending}` : name;
    const whole = PathExt.join(PathExt.dirname(path), next);
    if (!isTaken(next, whole)) {
      return whole;
    }
  }
}

/** Every folder below `top` that the entries need, parents first. */
function foldersOf(top: string, entries: readonly IIncoming[]): string[] {
  const folders = new Set<string>();
  for (const { path, file } of entries) {
    let folder = file ? PathExt.dirname(path) : path;
    while (folder !== top && folder.startsWith(`${top}/`)) {
      folders.add(folder);
      folder = PathExt.dirname(folder);
    }
  }
  return Array.from(folders).sort(
    (a, b) => a.split('/').length - b.split('/').length
  );
}
