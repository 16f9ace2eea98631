// The order of long listings, and what is selected in them, when the folder is read again.
import type { DirListing } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';

import type { IInnards } from './innards';
import { isSame } from './sameness';

/** In place of what takes seconds for thousands of entries in the stock listing, whose methods are `stock`. */
export class Order {
  constructor(
    private _listing: DirListing,
    private _inner: IInnards,
    private _stock: Pick<IInnards, '_onModelRefreshed'> &
      Pick<DirListing, 'sort'>
  ) {}

  /** Keeps the selection; the stock listing looks for each entry among all selected ones. */
  refresh(): void {
    const { _listing: listing, _inner: inner } = this;
    if (!listing.isVisible) {
      this._stock._onModelRefreshed.call(listing);
      return;
    }
    const selected = inner.selection;
    listing.clearSelectedItems(false);
    for (const item of listing.model.items()) {
      if (selected[item.path]) {
        inner.selection[item.path] = true;
      }
    }
    listing.sort(listing.sortState);
  }

  /** Sorts only what is new: the poll of an open folder mostly brings what is there. */
  sort(state: DirListing.ISortState): void {
    const { _listing: listing, _inner: inner } = this;
    const items = Array.from(listing.model.items());
    const order = JSON.stringify([
      state.key,
      state.direction,
      inner._sortNotebooksFirst,
      inner._sortFileNamesNaturally
    ]);
    if (order === this._order && isSame(items, this._sorted)) {
      listing.update();
      return;
    }
    this._order = order;
    this._sorted = items;
    this._stock.sort(state);
  }

  private _order = '';
  private _sorted: Contents.IModel[] = [];
}
