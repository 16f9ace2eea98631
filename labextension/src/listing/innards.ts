// The part of JupyterLab's listing that nobody is meant to know, by name.
import type { DirListing, FileBrowser } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { Message } from '@lumino/messaging';

/**
 * What is needed of a listing and is private or protected in it.
 *
 * It works by position: node, entry and focus of a row have the same index in all of its methods.
 */
export interface IInnards {
  _items: HTMLElement[];
  _sortedItems: Contents.IModel[];
  _focusIndex: number;
  _inRename: boolean;
  _hiddenColumns: Set<DirListing.ToggleableColumn>;
  _columnSizes: Record<DirListing.IColumn['id'], number | null>;
  _sortNotebooksFirst: boolean;
  _sortFileNamesNaturally: boolean;
  selection: Record<string, boolean>;
  _selectItem(index: number, keepExisting: boolean, focus?: boolean): void;
  _focusItem(index: number): void;
  _handleMultiSelect(index: number): void;
  _onModelRefreshed(): void;
  evtKeydown(event: KeyboardEvent): void;
  onUpdateRequest(message: Message): void;
  updateNodes(
    items: Contents.IModel[],
    nodes: HTMLElement[],
    sizeOnly?: boolean
  ): void;
}

/** What each name has to be in the JupyterLab that runs. */
const NEEDED: Record<keyof IInnards, (value: unknown) => boolean> = {
  _items: Array.isArray,
  _sortedItems: Array.isArray,
  _focusIndex: value => typeof value === 'number',
  _inRename: value => typeof value === 'boolean',
  _hiddenColumns: value => value instanceof Set,
  _columnSizes: value => typeof value === 'object' && value !== null,
  _sortNotebooksFirst: value => typeof value === 'boolean',
  _sortFileNamesNaturally: value => typeof value === 'boolean',
  selection: value => typeof value === 'object' && value !== null,
  _selectItem: value => typeof value === 'function',
  _focusItem: value => typeof value === 'function',
  _handleMultiSelect: value => typeof value === 'function',
  _onModelRefreshed: value => typeof value === 'function',
  evtKeydown: value => typeof value === 'function',
  onUpdateRequest: value => typeof value === 'function',
  updateNodes: value => typeof value === 'function'
};

/** The methods of the listing that are replaced; the rest stays JupyterLab's. */
export type Replaced =
  | '_selectItem'
  | '_focusItem'
  | '_onModelRefreshed'
  | 'evtKeydown'
  | 'onUpdateRequest'
  | 'updateNodes';

/** The listing of a browser; protected there. */
export function listingOf(browser: FileBrowser): DirListing {
  return (browser as unknown as { listing: DirListing }).listing;
}

/** What this JupyterLab lacks of what `LazyRows` needs. */
export function missingNames(listing: DirListing): string[] {
  const innards = listing as unknown as Record<string, unknown>;
  return Object.entries(NEEDED)
    .filter(([name, fits]) => !fits(innards[name]))
    .map(([name]) => name);
}
