// The keys that go far in a listing, which the stock one leaves to the scroll bar.
import type { DirListing } from '@jupyterlab/filebrowser';

import type { IInnards } from './innards';

/** Home, End and the page keys, with `page` rows to a page; false for what is another's to handle. */
export function goByKey(
  listing: DirListing,
  inner: IInnards,
  event: KeyboardEvent,
  page: number
): boolean {
  const { _focusIndex: focus, _items: nodes } = inner;
  const far = Math.max(1, page);
  const target = {
    Home: 0,
    End: nodes.length - 1,
    PageUp: Math.max(0, focus - far),
    PageDown: Math.min(nodes.length - 1, focus + far)
  }[event.key];
  const isOurs =
    target !== undefined &&
    nodes.length > 0 &&
    !inner._inRename &&
    !event.altKey &&
    !event.metaKey &&
    listing.contentNode.contains(event.target as Node);
  if (!isOurs) {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  // As the arrow keys do it: Shift selects on the way, Ctrl only moves the focus.
  if (event.shiftKey) {
    inner._handleMultiSelect(target);
  } else if (!event.ctrlKey) {
    inner._selectItem(target, false, false);
  }
  inner._focusItem(target);
  // The browser is content with the name of the row.
  nodes[target].scrollIntoView({ block: 'nearest' });
  listing.update();
  return true;
}
