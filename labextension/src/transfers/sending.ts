// The bytes of one upload on their way to our server.
import type { Transfer } from './transfer';
import { isConflict } from './transfer';

/** Milliseconds until it is tried again, the last one for ever. */
const DELAYS = [1000, 2000, 5000, 10_000, 30_000];

/** Milliseconds without a sign of life after which a connection counts as broken. */
const STALL = 60_000;

/** Answers after which the same request may succeed a moment later. */
const PASSING = [408, 423, 425, 429, 502, 503, 504];

/** What one attempt to send tells. */
export interface ISenderEvents {
  onCreated: (id: string) => void;
  onProgress: (done: number) => void;
  onSuccess: () => void;
  /** `status` is null if there was no answer. */
  onError: (status: number | null, message: string) => void;
}

/** One attempt to send a file; it begins by itself. */
export interface ISender {
  /** Stops sending. What has arrived stays at the server. */
  stop: () => void;
}

/** Begins to send the file of a transfer, or what is missing of it if the transfer has an id. */
export type OpenSender = (
  transfer: Transfer,
  file: File,
  events: ISenderEvents
) => Promise<ISender>;

/** Sends a file, and goes on after every break until all is there, somebody stops it or it is refused. */
export class Sending {
  constructor(private _options: Sending.IOptions) {
    this._transfer = _options.transfer;
  }

  /** Begins, or goes on. */
  start(): void {
    const transfer = this._transfer;
    const attempt = ++this._attempt;
    clearTimeout(this._timer);
    clearInterval(this._ticks);
    transfer.rate.reset();
    if (transfer.phase !== 'offline') {
      transfer.phase = 'sending';
      transfer.message = '';
      transfer.isConflict = false;
    }
    this._watchForStall(attempt);
    // The speed falls also while nothing comes.
    this._ticks = setInterval(() => this._options.changed(), 1000);
    /** Drops what an attempt that was given up still has to say. */
    const only =
      <T extends unknown[]>(handle: (...args: T) => void) =>
      (...args: T): void => {
        if (attempt === this._attempt) {
          handle(...args);
          this._options.changed();
        }
      };
    const onError = only((status: number | null, message: string) =>
      this._onError(status, message)
    );
    this._options
      .open(transfer, this._options.file, {
        onCreated: only(id => {
          transfer.id = id;
          this._options.created(id);
        }),
        onProgress: only(done => this._onProgress(done)),
        onSuccess: only(() => {
          this._halt();
          transfer.isComplete = true;
          this._options.finished();
        }),
        onError
      })
      .then(sender => {
        if (attempt === this._attempt) {
          this._sender = sender;
        } else {
          sender.stop();
        }
      })
      // The code that sends could not be loaded.
      .catch((error: Error) => onError(null, error.message));
    this._options.changed();
  }

  /** Stops, and keeps what has arrived. */
  stop(): void {
    this._halt();
  }

  /** Does not wait any longer, if it waits for the connection. */
  tryNow(): void {
    if (this._transfer.phase === 'offline') {
      this._halt();
      this.start();
    }
  }

  private _onProgress(done: number): void {
    const transfer = this._transfer;
    transfer.phase = 'sending';
    transfer.message = '';
    transfer.since = null;
    transfer.done = done;
    transfer.rate.note(done);
    if (done > this._reached) {
      this._reached = done;
      this._tries = 0;
    }
    this._watchForStall(this._attempt);
  }

  private _onError(status: number | null, message: string): void {
    const transfer = this._transfer;
    this._halt();
    // 409 before there is an id: the name is taken. After that: another window has sent some of the bytes.
    const isElsewhere = status === 409 && transfer.id !== null;
    if (status === null || isElsewhere || PASSING.includes(status)) {
      transfer.phase = 'offline';
      transfer.message = status === null ? '' : message;
      transfer.since ??= new Date();
      transfer.rate.reset();
      const delay = DELAYS[Math.min(this._tries++, DELAYS.length - 1)];
      this._timer = setTimeout(() => this.start(), delay);
      return;
    }
    transfer.phase = 'failed';
    transfer.message = message;
    transfer.status = status;
    transfer.isConflict = isConflict(status);
    this._options.finished();
  }

  private _watchForStall(attempt: number): void {
    clearTimeout(this._stall);
    this._stall = setTimeout(() => {
      if (attempt === this._attempt) {
        this._onError(null, '');
        this._options.changed();
      }
    }, STALL);
  }

  private _halt(): void {
    this._attempt++;
    clearTimeout(this._timer);
    clearTimeout(this._stall);
    clearInterval(this._ticks);
    this._sender?.stop();
    this._sender = null;
  }

  private _transfer: Transfer;
  private _sender: ISender | null = null;
  private _attempt = 0;
  private _tries = 0;
  private _reached = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _stall: ReturnType<typeof setTimeout> | undefined;
  private _ticks: ReturnType<typeof setInterval> | undefined;
}

export namespace Sending {
  export interface IOptions {
    transfer: Transfer;
    file: File;
    open: OpenSender;
    /** The server has given it an id. */
    created: (id: string) => void;
    /** Something to show has changed. */
    changed: () => void;
    /** Either all has arrived (`isComplete`), or it was refused (`failed`). */
    finished: () => void;
  }
}
