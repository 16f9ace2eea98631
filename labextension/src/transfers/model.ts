// All transfers that this page knows of: its own uploads, and what the server works on.
import type { ITransferAnswer } from '../tokens';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import { VDomModel } from '@jupyterlab/ui-components';
import { PromiseDelegate } from '@lumino/coreutils';
import { DisposableDelegate } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { Transfer } from './transfer';
import { Lanes } from './lanes';
import type { UploadMemory } from './memory';
import type { OpenSender } from './sending';

/** Milliseconds between two questions to the server. */
const INTERVAL = { running: 1000, watched: 5000 };

/**
 * The list of transfers.
 *
 * Asks the server only while it works on something or somebody looks, one question for all.
 */
export class TransfersModel extends VDomModel {
  constructor(private _options: TransfersModel.IOptions) {
    super();
    this._now = _options.now ?? (() => performance.now());
    this._lanes = new Lanes({
      items: () => this._items,
      open: _options.open,
      created: (id, file) => _options.memory.note(id, file),
      changed: () => this.stateChanged.emit(),
      finished: transfer => this._onSent(transfer)
    });
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:transfers',
      factory: () => this._ask(),
      frequency: { interval: INTERVAL.running, backoff: true, max: 30_000 },
      standby: () => (this._isBusy || this._isWatched() ? 'when-hidden' : true)
    });
  }

  /** Oldest first. */
  get items(): readonly Transfer[] {
    return this._items;
  }

  /** Emitted when something has been written, or failed to be. */
  get ended(): ISignal<this, Transfer> {
    return this._ended;
  }

  get running(): Transfer[] {
    return this._items.filter(item => item.isRunning);
  }

  /** True while leaving the page would stop an upload. */
  get needsPage(): boolean {
    return this._items.some(item => item.needsPage);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      this._lanes.dispose();
      super.dispose();
    }
  }

  /** Keeps the list fresh while the function says that somebody looks. */
  watch(isWatched: () => boolean): IDisposable {
    this._watchers.add(isWatched);
    void this._poll.start();
    return new DisposableDelegate(() => this._watchers.delete(isWatched));
  }

  /** Asks the server now. Never rejects. */
  async refresh(): Promise<void> {
    await this._ask().catch(() => undefined);
  }

  /**
   * Sends a file to an API path; `replace` is the hash of what the user agreed to replace.
   *
   * Fulfilled when the file is at the site, however often it was tried. Never rejected: the list tells what
   * is wrong, and after a cancel nobody waits.
   */
  upload(file: File, path: string, replace: string | null): Promise<Transfer> {
    const { now } = this._options;
    const transfer = new Transfer({
      kind: 'upload',
      phase: 'waiting',
      path,
      file,
      replace,
      now
    });
    this._items.push(transfer);
    this._lanes.fill();
    return this._outcome(transfer);
  }

  /** The stopped upload to a path that this file was begun with, or null. */
  findUnfinished(file: File, path: string): Transfer | null {
    return (
      this._items.find(
        item =>
          item.phase === 'unfinished' &&
          item.path === path &&
          item.id !== null &&
          this._options.memory.knows(item.id, file)
      ) ?? null
    );
  }

  /** Goes on with an upload whose page is gone. False if the file is not the one it was begun with. */
  continueWith(transfer: Transfer, file: File): boolean {
    if (!transfer.id || !this._options.memory.knows(transfer.id, file)) {
      return false;
    }
    transfer.file = file;
    transfer.total = file.size;
    transfer.phase = 'waiting';
    this._lanes.fill();
    return true;
  }

  /** Fulfilled when the transfer is done. */
  wait(transfer: Transfer): Promise<Transfer> {
    return this._outcome(transfer);
  }

  /**
   * Copies a file or folder; `target` is a free API path, or a folder.
   *
   * Rejected if it cannot be begun; fulfilled when it is done, as an upload is.
   */
  async copy(source: string, target: string): Promise<Transfer> {
    const answer = await this._options.copy(source, target);
    const { now } = this._options;
    // The poll may have seen it first.
    const known = this._items.find(item => item.id === answer.id);
    const transfer = known ?? Transfer.from(answer, now);
    if (!known) {
      this._items.push(transfer);
    }
    this._watchServer(transfer);
    return this._outcome(transfer);
  }

  pause(transfer: Transfer): void {
    this._lanes.stop(transfer);
    transfer.phase = 'paused';
    transfer.rate.reset();
    this._lanes.fill();
  }

  resume(transfer: Transfer): void {
    transfer.phase = 'waiting';
    this._lanes.fill();
  }

  /** Tries at once what waits for the connection. */
  tryNow(): void {
    this._lanes.tryNow();
    if (this._isBusy) {
      void this.refresh();
    }
  }

  /** Ends a transfer that runs, or takes one off the list that has ended. */
  async remove(transfer: Transfer): Promise<void> {
    this._drop(transfer);
    if (transfer.elsewhere && transfer.phase === 'done' && transfer.id) {
      // Who started it may still look for it there.
      this._removed.add(transfer.id);
      return;
    }
    await this._forget(transfer.id);
  }

  /**
   * Tries again what has failed, over what has the hash `replace` now.
   *
   * Bytes that are at the server already are not sent again. Rejected if the server refuses.
   */
  async retry(transfer: Transfer, replace?: string | null): Promise<void> {
    transfer.replace = replace ?? transfer.replace;
    if (transfer.elsewhere) {
      await this._options.retry(transfer.id ?? '', null);
      this._begin(transfer, 'moving');
    } else if (transfer.kind === 'copy') {
      const answer = await this._options.copy(
        transfer.source ?? '',
        transfer.path
      );
      const old = transfer.id;
      transfer.id = answer.id;
      this._begin(transfer, 'copying');
      await this._forget(old);
    } else if (transfer.isComplete && transfer.id !== null) {
      await this._options.retry(transfer.id, transfer.replace);
      this._begin(transfer, 'storing');
    } else {
      if (replace !== undefined) {
        // What the server was told before it got the first byte cannot be changed: begin anew.
        transfer.id = null;
      }
      transfer.phase = 'waiting';
      this._lanes.fill();
    }
  }

  /** Uploads under another name what could not be uploaded under its own. */
  async retryAs(transfer: Transfer, path: string): Promise<void> {
    const old = transfer.id;
    transfer.path = path;
    transfer.replace = null;
    transfer.id = null;
    transfer.isComplete = false;
    transfer.done = 0;
    transfer.phase = 'waiting';
    this._lanes.fill();
    await this._forget(old);
  }

  private get _isBusy(): boolean {
    return this._items.some(item => item.isAtServer);
  }

  private _isWatched(): boolean {
    return Array.from(this._watchers).some(watcher => watcher());
  }

  private async _forget(id: string | null): Promise<void> {
    if (id !== null) {
      this._options.memory.forget(id);
      this._removed.add(id);
      await this._options.remove(id);
    }
  }

  private _begin(
    transfer: Transfer,
    phase: 'storing' | 'copying' | 'moving'
  ): void {
    transfer.phase = phase;
    transfer.message = '';
    transfer.isConflict = false;
    transfer.done = 0;
    transfer.rate.reset();
    this._watchServer(transfer);
  }

  /** Looks after a transfer that the server has just begun. */
  private _watchServer(transfer: Transfer): void {
    if (transfer.id !== null) {
      this._told.set(transfer.id, this._now());
    }
    this.stateChanged.emit();
    void this._poll.refresh();
  }

  private _onSent(transfer: Transfer): void {
    if (transfer.isComplete) {
      this._begin(transfer, 'storing');
    } else {
      this._ended.emit(transfer);
    }
  }

  /** One question at a time, shared by all who ask. */
  private _ask(): Promise<void> {
    this._pending ??= this._askOnce().finally(() => {
      this._pending = null;
    });
    return this._pending;
  }

  private async _askOnce(): Promise<void> {
    const asked = this._now();
    const answers = await this._options.fetch().catch((error: unknown) => {
      this._noteSilence();
      throw error;
    });
    if (this.isDisposed) {
      return;
    }
    const isStale = (id: string): boolean =>
      (this._told.get(id) ?? -Infinity) >= asked;
    for (const answer of answers.filter(({ id }) => !isStale(id))) {
      this._take(answer);
    }
    const ids = new Set(answers.map(answer => answer.id));
    for (const { id, needsPage } of this._items) {
      if (id !== null && (needsPage || isStale(id))) {
        ids.add(id);
      }
    }
    // Gone at the server: another window has dealt with it, or it is too old.
    const isGone = ({ id }: Transfer): boolean => id !== null && !ids.has(id);
    this._items.filter(isGone).forEach(item => this._drop(item));
    this._options.memory.keepOnly(ids);
    this._poll.frequency = {
      ...this._poll.frequency,
      interval: this._isBusy ? INTERVAL.running : INTERVAL.watched
    };
    this.stateChanged.emit();
  }

  /** The server does not answer: how far it is, is not known. */
  private _noteSilence(): void {
    for (const item of this._items.filter(one => one.isAtServer)) {
      item.since ??= new Date();
      item.rate.reset();
    }
    this.stateChanged.emit();
  }

  private _take(answer: ITransferAnswer): void {
    const known = this._items.find(one => one.id === answer.id);
    if (known?.file && !known.isComplete) {
      // What is sent from here is known better here.
      return;
    }
    if (answer.state === 'cancelled') {
      this._items.filter(one => one === known).forEach(one => this._drop(one));
      return;
    }
    if (!known && (this._removed.has(answer.id) || this._expects(answer))) {
      return;
    }
    if (!known && answer.elsewhere && answer.state === 'done') {
      // Told where it was started, before anybody looked here.
      return;
    }
    const item = known ?? Transfer.from(answer, this._options.now);
    if (!known) {
      this._items.push(item);
    }
    const wasRunning = known?.isRunning;
    item.follow(answer, this._now());
    if (item.phase === 'done') {
      item.file = null;
      this._lanes.forget(item);
      this._outcomes.get(item)?.resolve(item);
    }
    if (wasRunning && !item.isRunning && item.isComplete) {
      this._ended.emit(item);
    }
  }

  /** True for an upload of ours whose id is still on its way to us. */
  private _expects({ path }: ITransferAnswer): boolean {
    return this._items.some(
      one => one.phase === 'sending' && one.id === null && one.path === path
    );
  }

  private _drop(transfer: Transfer): void {
    this._items = this._items.filter(item => item !== transfer);
    this._lanes.forget(transfer);
    this._outcomes.delete(transfer);
    this._lanes.fill();
  }

  private _outcome(transfer: Transfer): Promise<Transfer> {
    const outcome =
      this._outcomes.get(transfer) ?? new PromiseDelegate<Transfer>();
    this._outcomes.set(transfer, outcome);
    return outcome.promise;
  }

  private _items: Transfer[] = [];
  private _lanes: Lanes;
  private _outcomes = new Map<Transfer, PromiseDelegate<Transfer>>();
  /** When the server told us of a transfer: an older answer of the poll cannot know it. */
  private _told = new Map<string, number>();
  /** Ids that are to go: an older answer of the poll may still hold them. */
  private _removed = new Set<string>();
  private _pending: Promise<void> | null = null;
  private _watchers = new Set<() => boolean>();
  private _ended = new Signal<this, Transfer>(this);
  private _now: () => number;
  private _poll: Poll;
}

export namespace TransfersModel {
  export interface IOptions {
    /** What the server knows, oldest first. */
    fetch: () => Promise<ITransferAnswer[]>;
    copy: (source: string, target: string) => Promise<ITransferAnswer>;
    remove: (id: string) => Promise<void>;
    retry: (id: string, replace: string | null) => Promise<ITransferAnswer>;
    /** Begins to send a file. */
    open: OpenSender;
    memory: UploadMemory;
    /** Milliseconds; tests give their own. */
    now?: () => number;
  }
}
