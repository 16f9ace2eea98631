// Rows on demand: a folder of 10 000 entries costs as much as the part of it that one sees.
import type { DirListing } from '@jupyterlab/filebrowser';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';

import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { missingNames } from './innards';
import type { IInnards, Replaced } from './innards';
import { goByKey } from './keys';
import { Order } from './order';

/** Up to this many entries every row is in the document, as JupyterLab has it. */
const FEW = 150;

/** Rows kept ready above and below what is seen. */
const MARGIN = 30;

/** Height of a row until one could be measured. */
const USUAL_HEIGHT = 24;

const ITEM_CLASS = 'jp-DirListing-item';
const LAZY_CLASS = 'jp-mesh-mod-lazy';

/**
 * Keeps only the rows near the visible ones of a long listing in the document.
 *
 * Selection, focus, sorting, filter, rename, drag and drop stay JupyterLab's own code, which sees an entry and a
 * node at every index. Nodes of rows that are far away are bare and detached; `LazyRows` puts a real one in place
 * when one scrolls there, or when that code is about to focus it. Disposing gives the stock listing back.
 */
export class LazyRows implements IDisposable {
  /** The listing stays the caller's. Null, with a warning, if this JupyterLab is not as expected. */
  static attach(listing: DirListing): LazyRows | null {
    const missing = missingNames(listing);
    if (missing.length) {
      console.warn(
        `Long folders are listed as JupyterLab does it: its listing has no ${missing.join(', ')}.`
      );
      return null;
    }
    return new LazyRows(listing);
  }

  private constructor(listing: DirListing) {
    this._listing = listing;
    this._inner = listing as unknown as IInnards;
    const { _inner: inner } = this;
    const stock = {
      _selectItem: inner._selectItem.bind(listing),
      _focusItem: inner._focusItem.bind(listing),
      _onModelRefreshed: inner._onModelRefreshed,
      evtKeydown: inner.evtKeydown.bind(listing),
      onUpdateRequest: inner.onUpdateRequest.bind(listing),
      updateNodes: inner.updateNodes.bind(listing),
      sort: listing.sort.bind(listing)
    };
    this._stock = stock;
    const order = new Order(listing, inner, stock);
    const ours: Pick<IInnards, Replaced> & Pick<DirListing, 'sort'> = {
      _selectItem: (index, keepExisting, focus) => {
        this._ensure(index);
        stock._selectItem(index, keepExisting, focus);
      },
      _focusItem: index => {
        this._ensure(index);
        stock._focusItem(index);
      },
      _onModelRefreshed: () => order.refresh(),
      evtKeydown: event => this._onKeydown(event),
      onUpdateRequest: message => this._onUpdate(message),
      updateNodes: (items, nodes, sizeOnly) => {
        if (nodes.length > this._shown.length && nodes === inner._items) {
          this._onShown(this._shown, () =>
            stock.updateNodes(inner._sortedItems, inner._items, sizeOnly)
          );
        } else {
          stock.updateNodes(items, nodes, sizeOnly);
        }
      },
      sort: state => order.sort(state)
    };
    this._names = Object.keys(ours);
    // The signal holds the method itself.
    const { refreshed } = listing.model;
    refreshed.disconnect(stock._onModelRefreshed, listing);
    Object.assign(listing, ours);
    refreshed.connect(inner._onModelRefreshed, listing);
    listing.contentNode.addEventListener('scroll', this._onScroll, {
      passive: true
    });
    this._observer = new ResizeObserver(this._onScroll);
    this._observer.observe(listing.contentNode);
    listing.disposed.connect(this.dispose, this);
    this._reset();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    const { _listing: listing, _inner: inner } = this;
    cancelAnimationFrame(this._frame);
    this._observer.disconnect();
    listing.contentNode.removeEventListener('scroll', this._onScroll);
    listing.model.refreshed.disconnect(inner._onModelRefreshed, listing);
    for (const name of this._names) {
      // The method of the class shows again.
      delete (listing as unknown as Record<string, unknown>)[name];
    }
    if (!listing.isDisposed) {
      listing.disposed.disconnect(this.dispose, this);
      listing.model.refreshed.connect(inner._onModelRefreshed, listing);
      this._reset();
    }
  }

  /** Throws all rows away and has them drawn anew. */
  private _reset(): void {
    const { contentNode } = this._listing;
    this._inner._items.length = 0;
    this._shown = [];
    contentNode.textContent = '';
    contentNode.classList.remove(LAZY_CLASS);
    this._listing.update();
  }

  /** True for a listing so long that its rows come on demand. */
  private get _isLong(): boolean {
    return this._inner._sortedItems.length > FEW;
  }

  private _onUpdate(message: Message): void {
    const { _listing: listing, _inner: inner } = this;
    const { _items: nodes, _sortedItems: items } = inner;
    const wasEmpty = nodes.length === 0;
    while (nodes.length > items.length) {
      nodes.pop()!.remove();
    }
    while (nodes.length < items.length) {
      nodes.push(bareRow());
    }
    this._shown = this._shown.filter(index => index < items.length);
    this._arrange();
    this._draw(this._shown, message);
    this._onScroll();
    if (wasEmpty && items.length) {
      // The stock listing sizes its columns when the first rows have come.
      MessageLoop.sendMessage(listing, Widget.ResizeMessage.UnknownSize);
    }
  }

  /** Runs stock code on some rows, as if they were the whole listing. */
  private _onShown(rows: readonly number[], run: () => void): void {
    const { _inner: inner } = this;
    const { _items: nodes, _sortedItems: items, _focusIndex: focus } = inner;
    inner._items = rows.map(index => nodes[index]);
    inner._sortedItems = rows.map(index => items[index]);
    inner._focusIndex = rows.indexOf(focus);
    try {
      run();
    } finally {
      inner._items = nodes;
      inner._sortedItems = items;
      inner._focusIndex = focus;
    }
  }

  /** Fills rows with what the entries at their places are. */
  private _draw(rows: readonly number[], message: Message): void {
    this._onShown(rows, () => this._stock.onUpdateRequest(message));
    const { renderer, headerNode } = this._listing;
    const all = renderer.getCheckboxNode?.(headerNode);
    if (all) {
      // The stock code has compared the selection with the rows it saw.
      const count = this._inner._sortedItems.length;
      const selected = Object.keys(this._inner.selection).length;
      all.checked = count > 0 && selected === count;
      all.indeterminate = selected > 0 && !all.checked;
      all.dataset.checked = String(all.checked);
      all.dataset.indeterminate = String(all.indeterminate);
    }
  }

  /** Puts the rows that are wanted into the document and takes the others out; gives those that are new. */
  private _arrange(): number[] {
    const { _listing: listing, _inner: inner, _isLong: isLong } = this;
    const { contentNode: content } = listing;
    const { _items: nodes } = inner;
    content.classList.toggle(LAZY_CLASS, isLong);
    content.style.setProperty(
      '--jp-mesh-rows-height',
      `${nodes.length * this._height}px`
    );
    const wanted = this._wanted();
    const keep = new Set(wanted);
    for (const index of this._shown) {
      if (!keep.has(index)) {
        nodes[index].remove();
        nodes[index] = bareRow();
      }
    }
    const known = new Set(this._shown);
    const fresh = wanted.filter(index => !known.has(index));
    for (const index of fresh) {
      nodes[index] = listing.renderer.createItemNode(
        inner._hiddenColumns,
        inner._columnSizes
      );
      nodes[index].classList.add(ITEM_CLASS);
    }
    let next: HTMLElement | null = null;
    for (const index of [...wanted].reverse()) {
      const node = nodes[index];
      if (!node.parentNode) {
        // Those that are there stay where they are: a node that moves loses the focus.
        content.insertBefore(node, next);
      }
      next = node;
      node.style.top = isLong ? `${index * this._height}px` : '';
      setOrRemove(node, 'aria-setsize', isLong ? nodes.length : null);
      setOrRemove(node, 'aria-posinset', isLong ? index + 1 : null);
    }
    this._shown = wanted;
    return fresh;
  }

  /** The rows to have in the document: those in sight and around, the one in use, the one asked for. */
  private _wanted(): number[] {
    const count = this._inner._items.length;
    if (!this._isLong) {
      return Array.from({ length: count }, (_, index) => index);
    }
    const [first, last] = this._inSight();
    const rows = new Set<number>([this._inner._focusIndex, this._asked]);
    const active = document.activeElement;
    if (active && this._listing.contentNode.contains(active)) {
      rows.add(this._inner._items.findIndex(node => node.contains(active)));
    }
    for (let index = first - MARGIN; index <= last + MARGIN; index++) {
      rows.add(index);
    }
    return Array.from(rows)
      .filter(index => index >= 0 && index < count)
      .sort((a, b) => a - b);
  }

  /** The first and the last row that one sees. */
  private _inSight(): [number, number] {
    const { scrollTop, clientHeight } = this._listing.contentNode;
    return [
      Math.floor(scrollTop / this._height),
      Math.ceil((scrollTop + clientHeight) / this._height)
    ];
  }

  /** Takes the height from a drawn row; true if it is another one than before. */
  private _measure(): boolean {
    const { _items: nodes } = this._inner;
    const { contentNode } = this._listing;
    const height = nodes[this._shown[0]]?.offsetHeight ?? 0;
    if (height === 0 || height === this._height) {
      return false;
    }
    const { scrollTop } = contentNode;
    const before = this._height;
    this._height = height;
    this._draw(this._arrange(), Widget.Msg.UpdateRequest);
    contentNode.scrollTop = (scrollTop * height) / before;
    return true;
  }

  /** Draws a row that the stock code is about to use, wherever it is. */
  private _ensure(index: number): void {
    const { _items: nodes, _sortedItems: items } = this._inner;
    this._asked = index;
    if (nodes.length !== items.length) {
      // What was sorted in is not drawn yet.
      MessageLoop.sendMessage(this._listing, Widget.Msg.UpdateRequest);
    } else if (
      index >= 0 &&
      index < nodes.length &&
      !this._shown.includes(index)
    ) {
      this._draw(this._arrange(), Widget.Msg.UpdateRequest);
    }
  }

  /** Sees to it that what one looks at is drawn, once per frame. */
  private _onScroll = (): void => {
    cancelAnimationFrame(this._frame);
    this._frame = requestAnimationFrame(() => {
      const { _listing: listing, _inner: inner } = this;
      // Before the next update the rows and the entries may differ in number.
      const isDue =
        listing.isVisible && inner._items.length === inner._sortedItems.length;
      // The stock rows get their icons, and with them their height, in the frame after they are drawn.
      if (this._isLong && isDue && (this._measure() || !this._isReady())) {
        this._draw(this._arrange(), Widget.Msg.UpdateRequest);
      }
    });
  };

  /** True if what is in sight is drawn, and enough around it. */
  private _isReady(): boolean {
    const shown = new Set(this._shown);
    const [first, last] = this._inSight();
    const from = Math.max(0, first - MARGIN / 2);
    const to = Math.min(this._inner._items.length - 1, last + MARGIN / 2);
    for (let index = from; index <= to; index++) {
      if (!shown.has(index)) {
        return false;
      }
    }
    return true;
  }

  private _onKeydown(event: KeyboardEvent): void {
    const page = Math.floor(
      this._listing.contentNode.clientHeight / this._height
    );
    if (!goByKey(this._listing, this._inner, event, page - 1)) {
      this._stock.evtKeydown(event);
    }
  }

  private _listing: DirListing;
  private _inner: IInnards;
  private _stock: Pick<IInnards, Replaced> & Pick<DirListing, 'sort'>;
  private _names: string[];
  /** Indices of the rows in the document, ascending. */
  private _shown: number[] = [];
  private _asked = -1;
  private _height = USUAL_HEIGHT;
  private _frame = 0;
  private _observer: ResizeObserver;
  private _isDisposed = false;
}

/** A row that is not drawn. */
function bareRow(): HTMLElement {
  return document.createElement('li');
}

function setOrRemove(
  node: HTMLElement,
  name: string,
  value: number | null
): void {
  if (value === null) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, String(value));
  }
}
