// Files and folders dropped from the desktop onto a file browser.
import type { FileBrowser } from '@jupyterlab/filebrowser';

import { DisposableDelegate } from '@lumino/disposable';
import type { IDisposable } from '@lumino/disposable';

import { readDrop } from './entries';
import type { IIncoming } from './intake';

const FOLDER_CLASS = 'jp-MeshDrop-folder';

/** Of the stock listing, while something is dragged over it. */
const STOCK_CLASS = 'jp-mod-native-drop';

interface IOptions {
  /** True if what is dropped into the folder is ours to upload; else it stays with the stock code. */
  isOurs: (folder: string) => boolean;
  /** Gets the folder that was hit, and what was dropped. */
  onDrop: (folder: string, entries: Promise<IIncoming[]>) => void;
}

/**
 * Takes drops before the stock code sees them: that one makes folders one by one under odd names, forgets
 * which row was hit, and takes nothing where an empty folder shows a sentence.
 */
export function acceptDrops(
  browser: FileBrowser,
  options: IOptions
): IDisposable {
  const { node } = browser;

  const folderAt = (event: DragEvent): string => {
    const item = browser.modelForClick(event);
    return item?.type === 'directory' ? item.path : browser.model.path;
  };

  const mark = (row: Element | null): void => {
    node
      .querySelectorAll(`.${FOLDER_CLASS}`)
      .forEach(marked => marked.classList.toggle(FOLDER_CLASS, marked === row));
    row?.classList.add(FOLDER_CLASS);
  };

  const handle = (event: DragEvent): void => {
    const { dataTransfer } = event;
    if (event.type === 'dragleave') {
      mark(null);
      return;
    }
    if (
      !dataTransfer?.types.includes('Files') ||
      !browser.model.allowFileUploads ||
      !options.isOurs(browser.model.path)
    ) {
      return;
    }
    event.preventDefault();
    const folder = folderAt(event);
    const isRow = folder !== browser.model.path;
    if (event.type !== 'drop') {
      const row = (event.target as Element).closest('.jp-DirListing-item');
      mark(isRow ? row : null);
      return;
    }
    event.stopPropagation();
    mark(null);
    node.querySelector(`.${STOCK_CLASS}`)?.classList.remove(STOCK_CLASS);
    options.onDrop(folder, readDrop(dataTransfer, folder));
  };

  const types = ['dragenter', 'dragover', 'dragleave', 'drop'] as const;
  types.forEach(type => node.addEventListener(type, handle, true));
  return new DisposableDelegate(() => {
    types.forEach(type => node.removeEventListener(type, handle, true));
  });
}
