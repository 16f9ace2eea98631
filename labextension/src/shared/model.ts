// What others share with the user, and what the user shares.
import type { IPage, IReceived, IShare } from '../sharing/api';
import type { Answer, IOwnLink } from './api';
import type { IOwnRow } from './own';

import { Pages } from '../lists/pages';
import { SectionModel } from '../lists/section';
import { ownRows } from './own';

/** Received things in the order in which they are shown. */
interface IParts {
  pending: IReceived[];
  accepted: IReceived[];
  withdrawn: IReceived[];
  /** Hidden or declined: shown when asked for. */
  aside: IReceived[];
}

export class SharedModel extends SectionModel {
  constructor(protected override options: SharedModel.IOptions) {
    super(options, 'shared', ['received', 'shares', 'links']);
    this._received = new Pages(options.fetchReceived);
    this._shares = new Pages(options.fetchShares);
    this._links = new Pages(options.fetchLinks);
  }

  /** True once it is known what others share. */
  get isKnown(): boolean {
    return this._received.items !== null;
  }

  /** How many wait for an answer. */
  get waiting(): number {
    return (this._received.items ?? []).filter(isWaiting).length;
  }

  /** What others share, as far as it was fetched and the search leaves it. */
  get parts(): IParts {
    const parts: IParts = {
      pending: [],
      accepted: [],
      withdrawn: [],
      aside: []
    };
    for (const item of this._received.items ?? []) {
      if (this._finds(`${item.name} ${item.sender.name} ${item.owner.name}`)) {
        parts[partOf(item)].push(item);
      }
    }
    return parts;
  }

  get loaded(): number {
    return this._received.items?.length ?? 0;
  }

  get total(): number {
    return this._received.total;
  }

  /** Null until it was asked for and answered; as far as it was fetched. */
  get own(): readonly IOwnRow[] | null {
    return this._rows?.filter(row => this._finds(row.name)) ?? null;
  }

  /** Shares and links of the user that were fetched. */
  get ownLoaded(): number {
    const { _shares: shares, _links: links } = this;
    return (shares.items?.length ?? 0) + (links.items?.length ?? 0);
  }

  /** Shares and links of the user. */
  get ownTotal(): number {
    return this._shares.total + this._links.total;
  }

  /** True while what the user shares is shown, too. */
  get isOwnOpen(): boolean {
    return this._isOwnOpen;
  }

  /** True while hidden and declined things are shown. */
  get isAsideOpen(): boolean {
    return this._isAsideOpen;
  }

  get search(): string {
    return this._search;
  }

  /** A search looks at all there is, so all of it is fetched. */
  set search(value: string) {
    this._search = value;
    this.tell();
    const lists = [this._received, this._shares, this._links];
    if (value.trim() && lists.some(list => list.hasMore)) {
      void this.refresh();
    }
  }

  isBusy(id: string): boolean {
    return this._busy.has(id);
  }

  /** Why something could not be done with a thing, or "". */
  problemOf(id: string): string {
    return this._problems.get(id) ?? '';
  }

  showOwn(isOpen: boolean): void {
    this._isOwnOpen = isOpen;
    this.tell();
    if (isOpen) {
      void this.refresh();
    }
  }

  /** Fetches one more page of what the user shares. */
  async showMoreOwn(): Promise<void> {
    await this.attempt(async () => {
      await Promise.all([this._shares.more(), this._links.more()]);
      this._arrangeOwn();
    });
  }

  showAside(isOpen: boolean): void {
    this._isAsideOpen = isOpen;
    this.tell();
  }

  /** Fetches one more page of what others share. */
  async showMore(): Promise<void> {
    await this.attempt(async () => {
      await this._received.more();
    });
  }

  /** Answers; null if that failed, which is said in the row. */
  answer(item: IReceived, state: Answer): Promise<IReceived | null> {
    return this._change(item, () => this.options.answer(item.id, state));
  }

  hide(item: IReceived, hidden: boolean): Promise<IReceived | null> {
    return this._change(item, () => this.options.hide(item.id, hidden));
  }

  /** Gives something up; false if that failed, which is said in the row. */
  async leave(item: IReceived): Promise<boolean> {
    const done = await this._change(item, async () => {
      await this.options.leave(item.id);
      return null;
    });
    return done === null && !this._problems.has(item.id);
  }

  protected override async load(): Promise<void> {
    const isOwnSeen = this._isOwnOpen && this.options.isOpen();
    const lists = [
      this._received,
      ...(isOwnSeen ? [this._shares, this._links] : [])
    ];
    await Promise.all(lists.map(list => list.load()));
    if (this._search.trim()) {
      await Promise.all(lists.map(list => list.all()));
    }
    if (isOwnSeen) {
      this._arrangeOwn();
    }
  }

  private _arrangeOwn(): void {
    this._rows = ownRows(this._shares.items ?? [], this._links.items ?? []);
  }

  /** Does something with one thing, once at a time; shows at once what it is then. */
  private async _change(
    item: IReceived,
    act: () => Promise<IReceived | null>
  ): Promise<IReceived | null> {
    const { id } = item;
    if (this._busy.has(id)) {
      return null;
    }
    this._busy.add(id);
    this._problems.delete(id);
    this.tell();
    let after: IReceived | null = null;
    try {
      after = await act();
      const next = after;
      this._received.edit(items =>
        next
          ? items.map(each => (each.id === id ? next : each))
          : items.filter(each => each.id !== id)
      );
      this.options.onMoved();
    } catch (error) {
      this._problems.set(id, (error as Error).message);
      this.options.mesh.noteFailure(error);
    }
    this._busy.delete(id);
    void this.refresh();
    return after;
  }

  private _finds(text: string): boolean {
    const wanted = this._search.trim().toLocaleLowerCase();
    return !wanted || text.toLocaleLowerCase().includes(wanted);
  }

  private _received: Pages<IReceived>;
  private _shares: Pages<IShare>;
  private _links: Pages<IOwnLink>;
  private _rows: IOwnRow[] | null = null;
  private _isOwnOpen = false;
  private _isAsideOpen = false;
  private _search = '';
  private _busy = new Set<string>();
  private _problems = new Map<string, string>();
}

function isWaiting(item: IReceived): boolean {
  return item.state === 'pending' && !item.hidden;
}

function partOf(item: IReceived): keyof IParts {
  if (item.state === 'withdrawn') {
    return 'withdrawn';
  }
  if (item.hidden || item.state === 'declined') {
    return 'aside';
  }
  return item.state;
}

export namespace SharedModel {
  export interface IOptions extends SectionModel.IOptions {
    /** True while the section itself is open, not only the panel. */
    isOpen: () => boolean;
    fetchReceived: (cursor: string, limit: number) => Promise<IPage<IReceived>>;
    fetchShares: (cursor: string, limit: number) => Promise<IPage<IShare>>;
    fetchLinks: (cursor: string, limit: number) => Promise<IPage<IOwnLink>>;
    answer: (id: string, state: Answer) => Promise<IReceived>;
    hide: (id: string, hidden: boolean) => Promise<IReceived>;
    leave: (id: string) => Promise<void>;
    /** What lies among the files of the user is otherwise than before. */
    onMoved: () => void;
  }
}
