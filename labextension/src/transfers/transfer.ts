// One upload or copy, as this browser sees it.
import type { IElsewhere, ITransferAnswer } from '../tokens';

import { PathExt } from '@jupyterlab/coreutils';

import { Rate } from './rate';

/**
 * Where a transfer is.
 *
 * The bytes of an upload go from the browser to our server (`sending`), then to the site (`storing`);
 * a copy is made by our server alone (`copying`), and what was started elsewhere by another program (`moving`).
 */
export type Phase =
  | 'waiting'
  | 'sending'
  | 'paused'
  /** Broken off; it goes on by itself. */
  | 'offline'
  | 'storing'
  | 'copying'
  | 'moving'
  /** Another window sends the bytes. */
  | 'elsewhere'
  /** The page that had the file is gone. */
  | 'unfinished'
  | 'done'
  | 'failed';

/** What one can do with a transfer. */
export type Action =
  | 'pause'
  | 'resume'
  | 'choose'
  | 'replace'
  | 'keep'
  | 'retry'
  | 'cancel'
  | 'dismiss';

/** Phases in which the file is needed in this page. */
const BYTES_HERE: readonly Phase[] = [
  'waiting',
  'sending',
  'paused',
  'offline'
];

/** Phases in which our server works on it, so that it has to be asked. */
const AT_SERVER: readonly Phase[] = [
  'storing',
  'copying',
  'moving',
  'elsewhere'
];

/** Milliseconds without a new byte after which nobody else seems to be sending. */
const QUIET = 10_000;

/** True for answers that say: something else has the name now. */
export function isConflict(status: number | null): boolean {
  return status === 409 || status === 412;
}

/** An upload or a copy. Changed by the list that holds it, and by nobody else. */
export class Transfer {
  constructor(options: Transfer.IOptions) {
    this.kind = options.kind;
    this.path = options.path;
    this.phase = options.phase;
    this.id = options.id ?? null;
    this.file = options.file ?? null;
    this.replace = options.replace ?? null;
    this.source = options.source ?? null;
    this.elsewhere = options.elsewhere ?? null;
    this.total = options.total ?? options.file?.size ?? null;
    this.rate = new Rate(options.now);
    this.key = `transfer-${++Transfer._count}`;
  }

  /** Takes over what the server tells of one that this page did not start. */
  static from(answer: ITransferAnswer, now?: () => number): Transfer {
    const transfer = new Transfer({
      kind: answer.kind,
      path: answer.path,
      phase: answer.elsewhere
        ? 'moving'
        : answer.kind === 'upload'
          ? 'unfinished'
          : 'copying',
      elsewhere: answer.elsewhere,
      id: answer.id,
      source: answer.source || null,
      total: answer.total,
      now
    });
    transfer.done = answer.done;
    return transfer;
  }

  /** Unlike the id it is there from the beginning, and stays. */
  readonly key: string;
  readonly kind: ITransferAnswer['kind'];
  /** API path of what is being written; of a copy of this server that has not ended, of the folder it goes to. */
  path: string;
  phase: Phase;
  /** The id at the server, once it has one. */
  id: string | null;
  /** The file to upload, if this page has it. */
  file: File | null;
  /** Hash of what the user agreed to replace. */
  replace: string | null;
  /** API path of what is copied. */
  readonly source: string | null;
  /** Where it runs if another program runs it. */
  elsewhere: IElsewhere | null;
  done = 0;
  total: number | null;
  /** What failed, one sentence, or "". */
  message = '';
  /** HTTP code of the answer that refused it, if there was one. */
  status: number | null = null;
  /** When the connection broke. */
  since: Date | null = null;
  /** Something else has the name now. */
  isConflict = false;
  /** All bytes have reached our server. */
  isComplete = false;
  readonly rate: Rate;

  get name(): string {
    return PathExt.basename(this.source ?? this.path);
  }

  /** API path of the folder that gets it. */
  get folder(): string {
    const isFolder =
      this.kind === 'copy' && !this.elsewhere && this.phase !== 'done';
    return isFolder ? this.path : PathExt.dirname(this.path);
  }

  /** Takes over what the server tells of it; `now` in milliseconds. */
  follow(answer: ITransferAnswer, now: number): void {
    const grew = answer.done > this.done;
    this.since = null;
    this.path = answer.path;
    this.done = answer.done;
    this.total = answer.total ?? this.total;
    this.isComplete = answer.state !== 'receiving';
    this.elsewhere = answer.elsewhere;
    if (answer.state === 'running') {
      this.phase = this.elsewhere
        ? 'moving'
        : this.kind === 'copy'
          ? 'copying'
          : 'storing';
      this.rate.note(answer.done);
    } else if (answer.state === 'receiving') {
      // The bytes come from elsewhere, or do not come any more.
      this._grown = grew ? now : this._grown;
      this.phase = now - this._grown > QUIET ? 'unfinished' : 'elsewhere';
    } else {
      this.phase = answer.state === 'done' ? 'done' : 'failed';
      this.message = answer.message;
      this.status = answer.status;
      this.isConflict = isConflict(answer.status);
    }
  }

  get needsPage(): boolean {
    return BYTES_HERE.includes(this.phase);
  }

  get isAtServer(): boolean {
    return AT_SERVER.includes(this.phase);
  }

  get isRunning(): boolean {
    return this.needsPage || this.isAtServer;
  }

  /** Between 0 and 1, or null while nobody knows. */
  get fraction(): number | null {
    if (this.phase === 'done') {
      return 1;
    }
    if (this.total === 0) {
      return 0;
    }
    return this.total === null ? null : Math.min(1, this.done / this.total);
  }

  /** Seconds until this phase ends at the present speed, or null. */
  get secondsLeft(): number | null {
    const { speed } = this.rate;
    return speed === null || this.total === null
      ? null
      : Math.max(0, this.total - this.done) / speed;
  }

  /** What one can do now, the most helpful thing first. */
  get actions(): Action[] {
    switch (this.phase) {
      case 'sending':
      case 'offline':
        return ['pause', 'cancel'];
      case 'paused':
        return ['resume', 'cancel'];
      case 'unfinished':
        return ['choose', 'cancel'];
      case 'done':
        return ['dismiss'];
      case 'failed':
        return this._repairs;
      default:
        return ['cancel'];
    }
  }

  private get _repairs(): Action[] {
    if (this.elsewhere) {
      return this.elsewhere.canRetry ? ['retry', 'dismiss'] : ['dismiss'];
    }
    const isRepeatable =
      this.kind === 'copy'
        ? this.source !== null
        : this.id !== null || !!this.file;
    if (!isRepeatable) {
      return ['dismiss'];
    }
    if (!this.isConflict || this.kind === 'copy') {
      return ['retry', 'dismiss'];
    }
    // Under another name it has to be sent anew.
    return this.file ? ['replace', 'keep', 'dismiss'] : ['replace', 'dismiss'];
  }

  /** When bytes came last that another window sent. */
  private _grown = -Infinity;
  private static _count = 0;
}

export namespace Transfer {
  export interface IOptions {
    kind: ITransferAnswer['kind'];
    path: string;
    phase: Phase;
    id?: string | null;
    file?: File | null;
    replace?: string | null;
    source?: string | null;
    elsewhere?: IElsewhere | null;
    total?: number | null;
    /** Milliseconds for the speed; tests give their own. */
    now?: () => number;
  }
}
