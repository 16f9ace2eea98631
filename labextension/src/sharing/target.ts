// The one thing that a command of sharing is about.
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { IMeshModel } from '../tokens';
import type { IPlace } from './api';

import { PathExt } from '@jupyterlab/coreutils';

import { selectedItems } from '../panel/selection';

interface IOptions {
  mesh: IMeshModel;
  shell: JupyterFrontEnd.IShell;
  manager: IDocumentManager;
  factory: IFileBrowserFactory | null;
}

/** A place of the mesh by its API path; null for the folder of the areas and for what is not of the mesh. */
export function placeAt(path: string, mesh: IMeshModel): IPlace | null {
  const clean = path.replace(/^\/+|\/+$/g, '');
  return clean && clean !== mesh.root && mesh.contains(clean)
    ? { path: clean, name: PathExt.basename(clean) }
    : null;
}

/** What is selected in the browser used last, if it is one thing. */
export function selectedPlace(
  options: Pick<IOptions, 'mesh' | 'factory'>
): IPlace | null {
  const items = selectedItems(options.factory);
  return items.length === 1 ? placeAt(items[0].path, options.mesh) : null;
}

/** What a command from anywhere means: the selection while one is browsing, else the document in front. */
export function currentPlace(options: IOptions): IPlace | null {
  const { mesh, shell, manager, factory } = options;
  const browser = factory?.tracker.currentWidget;
  const isBrowsing = browser?.node.contains(document.activeElement);
  const current = shell.currentWidget;
  const context = current && manager.contextForWidget(current);
  return (
    (!isBrowsing && context && placeAt(context.path, mesh)) ||
    selectedPlace(options)
  );
}
