// Which file belongs to which upload, across reloads of the page.

/** What tells a file from another without reading it. */
export interface IFingerprint {
  name: string;
  size: number;
  modified: number;
}

export function fingerprintOf(file: File): IFingerprint {
  return { name: file.name, size: file.size, modified: file.lastModified };
}

/**
 * Remembers in this browser what file an upload is of.
 *
 * A page that was reloaded has lost its files. The server keeps what it got; if the same file is chosen
 * again the rest can be sent, and a file that merely has the same name cannot be glued to it.
 */
export class UploadMemory {
  /** Uploads of other servers under the same host are kept apart by `base`. */
  constructor(
    base: string,
    private _storage: Storage | null
  ) {
    this._prefix = `jupyter-mesh:upload:${base}:`;
  }

  note(id: string, file: File): void {
    try {
      this._storage?.setItem(
        this._prefix + id,
        JSON.stringify(fingerprintOf(file))
      );
    } catch {
      // A full or forbidden storage costs no more than the continuation after a reload.
    }
  }

  recall(id: string): IFingerprint | null {
    const text = this._storage?.getItem(this._prefix + id);
    return text ? (JSON.parse(text) as IFingerprint) : null;
  }

  /** True if the upload was begun with this very file. */
  knows(id: string, file: File): boolean {
    const known = this.recall(id);
    const given = fingerprintOf(file);
    return (
      known !== null &&
      known.name === given.name &&
      known.size === given.size &&
      known.modified === given.modified
    );
  }

  forget(id: string): void {
    this._storage?.removeItem(this._prefix + id);
  }

  /** Forgets every upload that the server does not know any more. */
  keepOnly(ids: ReadonlySet<string>): void {
    const storage = this._storage;
    for (const key of storage ? Object.keys(storage) : []) {
      const id = key.startsWith(this._prefix)
        ? key.slice(this._prefix.length)
        : null;
      if (id !== null && !ids.has(id)) {
        storage?.removeItem(key);
      }
    }
  }

  private _prefix: string;
}
