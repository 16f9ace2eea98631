// Rows dragged from a file browser onto a folder's listing, not only onto a folder in it.
import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDisposable } from '@lumino/disposable';
import type { Drag } from '@lumino/dragdrop';

import { PathExt } from '@jupyterlab/coreutils';
import { renameFile } from '@jupyterlab/docmanager';
import { DisposableDelegate } from '@lumino/disposable';

import { draggedPaths } from './contentsdrag';

const FOLDER_CLASS = 'jp-mesh-mod-dropFolder';

/** Of a stock row, while something is dragged over it. */
const ROW_CLASS = 'jp-mod-dropTarget';

/** Where in a browser one can drop: the rows, and the sentence in an empty folder. */
const PLACES = '.jp-DirListing-content, .jp-MeshNotice';

const TYPES = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];

interface IOptions {
  /** False if nothing can be put into the folder that the browser shows. */
  isWritable: () => boolean;
  /** Gets the first failure of a drop. */
  onError: (error: unknown) => void;
}

/**
 * Lets files and folders of any browser be dropped for the folder that this one shows.
 *
 * JupyterLab takes them only on rows of folders, so that nothing can be dropped into an empty one. Those rows stay
 * with the stock code.
 */
export function acceptDragged(
  browser: FileBrowser,
  manager: IDocumentManager,
  options: IOptions
): IDisposable {
  const { node } = browser;

  /** What may come into the open folder, if that is what the drag is over. */
  const pathsFor = (event: Drag.Event): string[] => {
    const isPlace = (event.target as Element).closest(PLACES) !== null;
    const isRow = browser.modelForClick(event)?.type === 'directory';
    return isPlace && !isRow && options.isWritable()
      ? draggedPaths(event).filter(path => canCome(path, browser.model.path))
      : [];
  };

  const drop = (paths: string[], isCopy: boolean): void => {
    const folder = browser.model.path;
    const done = paths.map(path =>
      isCopy
        ? manager.copy(path, folder)
        : renameFile(
            manager,
            path,
            PathExt.join(folder, PathExt.basename(path))
          )
    );
    void Promise.all<unknown>(done).catch(error => {
      // The stock "replace?" question rejects with this text when it is answered with no.
      if (error !== 'File not renamed') {
        options.onError(error);
      }
    });
  };

  const handle = (raw: Event): void => {
    const event = raw as Drag.Event;
    const paths = event.type === 'lm-dragleave' ? [] : pathsFor(event);
    const isOver = paths.length > 0 && event.type !== 'lm-drop';
    node.classList.toggle(FOLDER_CLASS, isOver);
    if (!paths.length) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    node
      .querySelectorAll(`.${ROW_CLASS}`)
      .forEach(row => row.classList.remove(ROW_CLASS));
    event.dropAction = event.proposedAction;
    if (event.type === 'lm-drop' && event.proposedAction !== 'none') {
      // As on the rows of folders.
      event.dropAction = event.ctrlKey ? 'copy' : event.proposedAction;
      drop(paths, event.dropAction === 'copy');
    }
  };

  TYPES.forEach(type => node.addEventListener(type, handle, true));
  return new DisposableDelegate(() => {
    TYPES.forEach(type => node.removeEventListener(type, handle, true));
  });
}

/** False for what is there already, and for a folder that would come to lie in itself. */
function canCome(path: string, folder: string): boolean {
  return (
    PathExt.dirname(path) !== folder &&
    path !== folder &&
    !folder.startsWith(`${path}/`)
  );
}
