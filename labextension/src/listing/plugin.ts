// The stock file browser, where it shows folders of the mesh too.
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import {
  DirListing,
  IDefaultFileBrowser,
  IDefaultFileBrowserRenderer
} from '@jupyterlab/filebrowser';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { MeshRenderer } from './badges';
import { listingOf } from './innards';
import { LazyRows } from './rows';
import { DOMAIN, NAMESPACE } from '../tokens';

/** A plugin of its own: only one can provide the renderer, and an administrator may prefer another. */
export const badges: JupyterFrontEndPlugin<IDefaultFileBrowserRenderer> = {
  id: `${NAMESPACE}:badges`,
  description: 'Says in the default file browser who is editing a file.',
  autoStart: true,
  provides: IDefaultFileBrowserRenderer,
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, translator: ITranslator | null) =>
    new MeshRenderer((translator ?? nullTranslator).load(DOMAIN))
};

export const listing: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:listing`,
  description: 'Lists long folders fast in the default file browser.',
  autoStart: true,
  requires: [IDefaultFileBrowser, ISettingRegistry],
  activate: async (
    _: JupyterFrontEnd,
    browser: IDefaultFileBrowser,
    registry: ISettingRegistry
  ): Promise<void> => {
    const rows = listingOf(browser);
    if (Object.getPrototypeOf(rows) !== DirListing.prototype) {
      // Another extension has its own listing: it knows what it does.
      return;
    }
    const settings = await registry.load(listing.id);
    let lazy: LazyRows | null = null;
    const apply = (): void => {
      const isWanted = settings.get('longFolders').composite === true;
      if (isWanted && !lazy) {
        lazy = LazyRows.attach(rows);
      } else if (!isWanted) {
        lazy?.dispose();
        lazy = null;
      }
    };
    apply();
    settings.changed.connect(apply);
  }
};
