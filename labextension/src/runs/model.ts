// The runs of our server, looked at while one of them goes on.
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { IRun } from './api';

import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { isActive } from './words';

export interface IRunsOptions {
  fetch: () => Promise<IRun[]>;
  start: (path: string, parameters: Record<string, unknown>) => Promise<IRun>;
  remove: (id: string) => Promise<void>;
  /** Milliseconds between two looks. */
  interval?: number;
}

/** A run that was seen before is told with what it was, so that whoever listens sees what is new. */
export interface IRunChange {
  run: IRun;
  before: IRun | null;
}

export class RunsModel implements IDisposable {
  constructor(private _options: IRunsOptions) {
    const interval = _options.interval ?? 1500;
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:runs',
      frequency: { interval, backoff: true, max: 30 * 1000 },
      factory: () => this._look(),
      // Also where nobody sees the page: what ends meanwhile is to be told there.
      standby: 'never'
    });
  }

  get items(): readonly IRun[] {
    return this._items;
  }

  /** Emitted for every run that is new or otherwise than before. */
  get changed(): ISignal<this, IRunChange> {
    return this._changed;
  }

  /** Emitted with the id of a run that the server has forgotten. */
  get forgotten(): ISignal<this, string> {
    return this._forgotten;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._poll.dispose();
      Signal.clearData(this);
    }
  }

  /** Looks now, and goes on while something runs. Never rejects. */
  async refresh(): Promise<void> {
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined);
  }

  /** Starts a run; rejects with the sentence of the server. */
  async start(
    path: string,
    parameters: Record<string, unknown>
  ): Promise<void> {
    const run = await this._options.start(path, parameters);
    this._take([...this._items, run]);
    void this._poll.start();
  }

  /** Stops a run that goes on. */
  async stop(id: string): Promise<void> {
    await this._options.remove(id);
    void this._poll.refresh();
  }

  /** The user knows how a run has ended. */
  async forget(id: string): Promise<void> {
    this._take(this._items.filter(run => run.id !== id));
    await this._options.remove(id);
  }

  private async _look(): Promise<void> {
    this._take(await this._options.fetch());
    if (!this._items.some(isActive)) {
      void this._poll.stop();
    }
  }

  private _take(items: IRun[]): void {
    const before = new Map(this._items.map(run => [run.id, run]));
    this._items = items;
    for (const run of items) {
      const known = before.get(run.id) ?? null;
      before.delete(run.id);
      if (JSON.stringify(known) !== JSON.stringify(run)) {
        this._changed.emit({ run, before: known });
      }
    }
    for (const id of before.keys()) {
      this._forgotten.emit(id);
    }
  }

  private _items: IRun[] = [];
  private _changed = new Signal<this, IRunChange>(this);
  private _forgotten = new Signal<this, string>(this);
  private _isDisposed = false;
  private _poll: Poll;
}
