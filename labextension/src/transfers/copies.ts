// Copies that take their time run as transfers.
import type { IDocumentManager } from '@jupyterlab/docmanager';

import type { IMeshModel } from '../tokens';
import type { TransfersModel } from './model';

/** Bytes up to which a copy is over before one could look at its progress. */
const SMALL = 8 * 1024 * 1024;

/**
 * Lets paste, duplicate and drag copy folders and large files of the mesh in the background.
 *
 * All of them go through `copy` of the document manager, which is replaced here; the plain way stays for
 * small files, and for what does not touch the mesh.
 */
export function installCopies(options: {
  manager: IDocumentManager;
  mesh: IMeshModel;
  transfers: TransfersModel;
}): void {
  const { manager, mesh, transfers } = options;
  const { contents } = manager.services;
  const stock = manager.copy.bind(manager);
  manager.copy = async (source, folder) => {
    if (!mesh.contains(source) && !mesh.contains(folder)) {
      return stock(source, folder);
    }
    const item = await contents.get(source, { content: false });
    if (item.type !== 'directory' && (item.size ?? 0) <= SMALL) {
      return stock(source, folder);
    }
    const done = await transfers.copy(source, folder);
    return contents.get(done.path, { content: false });
  };
}
