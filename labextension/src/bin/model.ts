// What the bin of an area holds, and what is being done with it.
import type { IBinItem, IPurged } from '../past';

import { VDomModel } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';

/** Milliseconds between two looks. */
const INTERVAL = 30_000;

/** Things that are deleted with one request, so that it can be stopped in between. */
const AT_ONCE = 200;

/** An area with a bin of its own: the home, or a project. */
export interface IBinArea {
  /** API path. */
  path: string;
  label: string;
}

/** Asks only while somebody looks. */
export class BinModel extends VDomModel {
  constructor(private _options: BinModel.IOptions) {
    super();
    this._area = _options.home;
    this._areas = [_options.home];
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:bin',
      factory: () => this.refresh(),
      frequency: { interval: INTERVAL, backoff: false },
      standby: () => (_options.isSeen() ? 'when-hidden' : true)
    });
  }

  get areas(): readonly IBinArea[] {
    return this._areas;
  }

  get area(): IBinArea {
    return this._area;
  }

  /** Null until the server has answered once for this area. */
  get items(): readonly IBinItem[] | null {
    return this._items;
  }

  /** What the search leaves of the items. */
  get found(): readonly IBinItem[] {
    return this._found;
  }

  get search(): string {
    return this._search;
  }

  set search(value: string) {
    this._search = value;
    this._find();
  }

  /** Why there is no list; "" if all is well. */
  get failure(): string {
    return this._failure;
  }

  /** How far a deletion is; null while there is none. */
  get progress(): { done: number; total: number } | null {
    return this._progress;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      super.dispose();
    }
  }

  /** Begins to look, now and from time to time. */
  start(): void {
    void this._loadAreas();
    void this._poll.start();
    void this._poll.refresh();
  }

  choose(path: string): void {
    const area = this._areas.find(each => each.path === path);
    if (area && area !== this._area) {
      this._area = area;
      this._items = null;
      this._failure = '';
      this._find();
      void this.refresh();
    }
  }

  /** Asks for the list. Never rejects. */
  async refresh(): Promise<void> {
    const area = this._area;
    try {
      const items = await this._options.fetch(area.path);
      if (area === this._area) {
        this._items = items;
        this._failure = '';
      }
    } catch (error) {
      if (area === this._area) {
        this._failure = (error as Error).message;
      }
      this._options.noteFailure(error);
    }
    this._find();
  }

  /** Takes something that was restored off the list, before the site is asked again. */
  forget(keys: ReadonlySet<string>): void {
    this._items = this._items?.filter(item => !keys.has(item.key)) ?? null;
    this._find();
  }

  /** Deletes things for ever, piece by piece, until it is stopped. What could not be deleted, and why. */
  async purge(keys: readonly string[]): Promise<IPurged['failed']> {
    const { path } = this._area;
    const failed: IPurged['failed'] = [];
    this._isStopped = false;
    try {
      for (let at = 0; at < keys.length && !this._isStopped; at += AT_ONCE) {
        this._progress = { done: at, total: keys.length };
        this.stateChanged.emit();
        const piece = keys.slice(at, at + AT_ONCE);
        const answer = await this._options.purge(path, piece);
        failed.push(...answer.failed);
        const kept = new Set(answer.failed.map(each => each.key));
        this.forget(new Set(piece.filter(key => !kept.has(key))));
      }
    } finally {
      this._progress = null;
      await this.refresh();
    }
    return failed;
  }

  /** Ends a deletion after the piece that is on its way. */
  stop(): void {
    this._isStopped = true;
  }

  private async _loadAreas(): Promise<void> {
    try {
      this._areas = [this._options.home, ...(await this._options.projects())];
    } catch (error) {
      // The bin of the home works without the list of projects.
      console.warn('The projects are not known.', error);
    }
    if (!this.isDisposed) {
      this.stateChanged.emit();
    }
  }

  private _find(): void {
    const wanted = this._search.trim().toLocaleLowerCase();
    const items = this._items ?? [];
    this._found = wanted
      ? items.filter(item => item.path.toLocaleLowerCase().includes(wanted))
      : items;
    if (!this.isDisposed) {
      this.stateChanged.emit();
    }
  }

  private _area: IBinArea;
  private _areas: IBinArea[];
  private _items: readonly IBinItem[] | null = null;
  private _found: readonly IBinItem[] = [];
  private _search = '';
  private _failure = '';
  private _progress: { done: number; total: number } | null = null;
  private _isStopped = false;
  private _poll: Poll;
}

export namespace BinModel {
  export interface IOptions {
    home: IBinArea;
    /** The projects that have a bin of their own. */
    projects: () => Promise<IBinArea[]>;
    fetch: (path: string) => Promise<IBinItem[]>;
    purge: (path: string, keys: string[]) => Promise<IPurged>;
    isSeen: () => boolean;
    noteFailure: (error: unknown) => void;
  }
}
