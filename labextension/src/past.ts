// What our server answers about versions, comparisons and the bin. Types alone.
import type { ICell, INotebookMetadata } from '@jupyterlab/nbformat';

/** An earlier content of a file. Times are ISO 8601, sizes bytes. */
export interface IVersion {
  id: string;
  modified: string;
  size: number;
  /** Who made it, where the site knows. */
  author: string | null;
}

/** The answer of `GET api/mesh/versions`. */
export interface IPast {
  /** Newest first. */
  versions: IVersion[];
  current: { modified: string; size: number; hash: string };
  /** False where the site keeps no versions of this file. */
  kept: boolean;
  /** False where versions can be restored, but not looked at. */
  canShow: boolean;
}

/** One state of a file to compare: an earlier one, the one at the site, or what is on the screen. */
export type StateRef =
  { version: string } | { current: true } | { content: unknown };

/** Size and time of a state; null for what is on the screen, and for no state at all. */
export type StateFacts = { size: number; modified: string } | null;

export type CellPart = 'source' | 'outputs' | 'attachments' | 'metadata';

/** Cells that belong together, side by side. */
export interface ICellRow {
  state: 'same' | 'added' | 'removed' | 'changed';
  old: ICell | null;
  new: ICell | null;
  /** What differs in a changed cell. */
  parts?: CellPart[];
}

/** The answer of `POST api/mesh/compare`; with one state alone, the rows or the text of that. */
export type Comparison = {
  facts: { old: StateFacts; new: StateFacts };
} & (
  | {
      kind: 'notebook';
      rows: ICellRow[];
      /** The metadata of the notebook where they differ. */
      metadata: { old: INotebookMetadata; new: INotebookMetadata } | null;
      language: string;
    }
  | { kind: 'text'; old: string | null; new: string }
  | { kind: 'other' }
);

/** A deleted file or folder. `path` is the API path that it had. */
export interface IBinItem {
  key: string;
  path: string;
  name: string;
  kind: 'file' | 'directory';
  size: number;
  deleted: string;
}

/** The answer of `POST api/mesh/bin/purge`. */
export interface IPurged {
  purged: number;
  failed: { key: string; message: string }[];
}
