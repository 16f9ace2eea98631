// Which uploads are sent now, and which wait for their turn.
import type { Transfer } from './transfer';
import { Sending } from './sending';
import type { OpenSender } from './sending';

/** Uploads that are sent at the same time. */
const LANES = 3;

/** Sends the uploads of a list, a few at a time, oldest first. */
export class Lanes {
  constructor(private _options: Lanes.IOptions) {}

  /** Gives free lanes to uploads that wait. */
  fill(): void {
    const items = this._options.items();
    const busy = items.filter(item =>
      ['sending', 'offline'].includes(item.phase)
    ).length;
    items
      .filter(item => item.phase === 'waiting')
      .slice(0, Math.max(0, LANES - busy))
      .forEach(item => this._send(item));
    this._options.changed();
  }

  /** Stops sending; what has arrived stays at the server. */
  stop(transfer: Transfer): void {
    this._sendings.get(transfer)?.stop();
  }

  /** Stops, and lets go of the file. */
  forget(transfer: Transfer): void {
    this.stop(transfer);
    this._sendings.delete(transfer);
  }

  /** Tries at once what waits for the connection. */
  tryNow(): void {
    this._sendings.forEach(sending => sending.tryNow());
  }

  dispose(): void {
    this._sendings.forEach(sending => sending.stop());
    this._sendings.clear();
  }

  private _send(transfer: Transfer): void {
    const { open, created, changed, finished } = this._options;
    let sending = this._sendings.get(transfer);
    if (!sending && transfer.file) {
      const { file } = transfer;
      sending = new Sending({
        transfer,
        file,
        open,
        changed,
        created: id => created(id, file),
        finished: () => {
          finished(transfer);
          this.fill();
        }
      });
      this._sendings.set(transfer, sending);
    }
    sending?.start();
  }

  private _sendings = new Map<Transfer, Sending>();
}

export namespace Lanes {
  export interface IOptions {
    /** The list, oldest first. */
    items: () => readonly Transfer[];
    open: OpenSender;
    /** The server has given an upload its id. */
    created: (id: string, file: File) => void;
    /** Something to show has changed. */
    changed: () => void;
    /** An upload has arrived (`isComplete`), or was refused. */
    finished: (transfer: Transfer) => void;
  }
}
