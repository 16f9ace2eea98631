// A list that comes in pages.
import type { IPage } from '../sharing/api';

/** Items of one page. */
export const PAGE = 100;

/** Keeps what was fetched, and knows how much there is. */
export class Pages<T> {
  /** `fetch` asks for the page after a cursor; "" is the first. */
  constructor(
    private _fetch: (cursor: string, limit: number) => Promise<IPage<T>>
  ) {}

  /** Null until the first page is here. */
  get items(): readonly T[] | null {
    return this._items;
  }

  /** How many there are at the server, as far as it tells. */
  get total(): number {
    return Math.max(this._total ?? 0, this._items?.length ?? 0);
  }

  get hasMore(): boolean {
    return this._next !== null;
  }

  /** Fetches from the beginning, at least as far as was fetched before. Keeps what it has when that fails. */
  async load(): Promise<void> {
    const wanted = this._items?.length ?? 0;
    const items: T[] = [];
    let next: string | null = '';
    let total: number | null = null;
    do {
      const page: IPage<T> = await this._fetch(next, PAGE);
      items.push(...page.items);
      next = page.next || null;
      total = page.total;
    } while (next !== null && items.length < wanted);
    this._take(items, next, total);
  }

  /** Fetches the page after the last one. */
  async more(): Promise<void> {
    if (this._next !== null) {
      const page = await this._fetch(this._next, PAGE);
      this._take(
        [...(this._items ?? []), ...page.items],
        page.next || null,
        page.total
      );
    }
  }

  /** Fetches all that is left. */
  async all(): Promise<void> {
    while (this._next !== null) {
      await this.more();
    }
  }

  /** Changes what is known, before the server is asked again. */
  edit(change: (items: readonly T[]) => readonly T[]): void {
    if (this._items) {
      const before = this._items.length;
      this._items = change(this._items);
      this._total = this.total - before + this._items.length;
    }
  }

  /** Forgets all, as before the first page. */
  clear(): void {
    this._items = null;
    this._next = null;
    this._total = null;
  }

  private _take(items: T[], next: string | null, total: number | null): void {
    this._items = items;
    this._next = next;
    this._total = total;
  }

  private _items: readonly T[] | null = null;
  private _next: string | null = null;
  private _total: number | null = null;
}
