// What the front end knows of the site, fed by one poll.
import type { ServerConnection } from '@jupyterlab/services';
import type {
  IArea,
  IMeshModel,
  IMeshPage,
  IMountStatus,
  ISiteStatus
} from '../tokens';
import type { IDisposable } from '@lumino/disposable';

import { VDomModel } from '@jupyterlab/ui-components';
import { DisposableDelegate } from '@lumino/disposable';
import { Poll } from '@lumino/polling';

/** Milliseconds between two looks at the site. */
const INTERVAL = { online: 30_000, offline: 10_000, busy: 5_000 };

/** HTTP codes with which the site, not the request, is at fault. */
const SITE_AT_FAULT = [401, 502, 503, 504];

/** The state of the site. Polls only while somebody looks at it. */
export class MeshModel extends VDomModel implements IMeshModel {
  /** `fetch` asks the server: the one thing that tests replace. */
  constructor(options: MeshModel.IOptions) {
    super();
    this.root = options.page.root;
    this.areas = options.page.areas;
    this._fetch = options.fetch;
    this._fetchMount = options.fetchMount;
    this._unreachable = options.unreachable;
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:status',
      factory: () => this._load(false),
      frequency: { interval: INTERVAL.online, backoff: false },
      standby: () => (this._isWatched() ? 'when-hidden' : true)
    });
  }

  readonly root: string;
  readonly areas: readonly IArea[];

  get status(): ISiteStatus | null {
    return this._status;
  }

  get mount(): IMountStatus | null {
    return this._mount;
  }

  get isLoading(): boolean {
    return this._pending !== null;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      this._watchers.clear();
      super.dispose();
    }
  }

  refresh(fresh = false): Promise<void> {
    return this._load(fresh);
  }

  noteFailure(error: unknown): void {
    const status = (error as Partial<ServerConnection.ResponseError> | null)
      ?.response?.status;
    if (status === undefined || SITE_AT_FAULT.includes(status)) {
      void this._load(true);
    }
  }

  noteSuccess(): void {
    if (this._status && this._status.state !== 'online') {
      void this._load(true);
    }
  }

  watch(isWatched: () => boolean): IDisposable {
    this._watchers.add(isWatched);
    void this._poll.start();
    return new DisposableDelegate(() => this._watchers.delete(isWatched));
  }

  contains(path: string): boolean {
    const clean = path.replace(/^\/+/, '');
    return (
      !this.root || clean === this.root || clean.startsWith(`${this.root}/`)
    );
  }

  private _isWatched(): boolean {
    return Array.from(this._watchers).some(watcher => watcher());
  }

  /**
   * One request at a time, shared by all who ask.
   *
   * What runs may have looked before the reason to ask again: a fresh one, shared too, comes after it.
   */
  private async _load(fresh: boolean): Promise<void> {
    if (!this._pending) {
      return this._start(fresh);
    }
    if (!fresh) {
      return this._pending;
    }
    this._next ??= this._afterPending();
    return this._next;
  }

  private async _afterPending(): Promise<void> {
    while (this._pending) {
      await this._pending;
    }
    this._next = null;
    if (!this.isDisposed) {
      await this._start(true);
    }
  }

  private _start(fresh: boolean): Promise<void> {
    this._pending = this._ask(fresh);
    this.stateChanged.emit();
    return this._pending;
  }

  private async _ask(fresh: boolean): Promise<void> {
    // A mount that hangs is told of late, which keeps nobody from seeing how the site is.
    void this._askMount();
    try {
      this._status = await this._fetch(fresh);
    } catch (error) {
      console.warn('The state of the mesh is not known.', error);
      this._status = this._unreachable(this._status);
    }
    this._pending = null;
    if (this.isDisposed) {
      return;
    }
    this._setPace();
    this.stateChanged.emit();
  }

  /** One question at a time, like those about the site. */
  private _askMount(): Promise<void> {
    this._mountPending ??= this._fetchMount()
      // Of a server that does not answer the state of the site tells.
      .catch(() => null)
      .then(mount => {
        this._mountPending = null;
        this._mount = mount;
        if (!this.isDisposed) {
          this._setPace();
          this.stateChanged.emit();
        }
      });
    return this._mountPending;
  }

  /** What goes on is looked at more often. */
  private _setPace(): void {
    const state = this._status?.state ?? 'online';
    const interval = isBusy(this._mount)
      ? INTERVAL.busy
      : state === 'online'
        ? INTERVAL.online
        : INTERVAL.offline;
    if (interval !== this._poll.frequency.interval) {
      this._poll.frequency = { ...this._poll.frequency, interval };
      if (this._watchers.size) {
        // The tick that is due was set with the interval before.
        void this._poll.schedule();
      }
    }
  }

  private _fetch: MeshModel.IOptions['fetch'];
  private _unreachable: MeshModel.IOptions['unreachable'];
  private _fetchMount: MeshModel.IOptions['fetchMount'];
  private _status: ISiteStatus | null = null;
  private _mount: IMountStatus | null = null;
  private _mountPending: Promise<void> | null = null;
  private _pending: Promise<void> | null = null;
  private _next: Promise<void> | null = null;
  private _poll: Poll;
  private _watchers = new Set<() => boolean>();
}

/** True for a mount that will soon be otherwise. */
function isBusy(mount: IMountStatus | null): boolean {
  return (
    mount !== null &&
    (mount.waiting > 0 || !['none', 'ready'].includes(mount.state))
  );
}

export namespace MeshModel {
  export interface IOptions {
    /** Where the mesh lies in the tree. */
    page: IMeshPage;
    /** Asks the server, past its cache if `fresh`. */
    fetch: (fresh: boolean) => Promise<ISiteStatus>;
    /** Asks the server how the mount is. */
    fetchMount: () => Promise<IMountStatus>;
    /** The status to show when the server itself does not answer, given the last one. */
    unreachable: (last: ISiteStatus | null) => ISiteStatus;
  }
}
