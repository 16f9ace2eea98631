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
import { DOMAIN, IMeshModel, ISharingMarks, NAMESPACE } from '../tokens';

/** A plugin of its own: only one can provide the renderer, and an administrator may prefer another. */
export const badges: JupyterFrontEndPlugin<IDefaultFileBrowserRenderer> = {
  id: `${NAMESPACE}:badges`,
  description:
    'Says in the default file browser who is editing a file and with whom it is shared.',
  autoStart: true,
  provides: IDefaultFileBrowserRenderer,
  optional: [ITranslator, ISharingMarks],
  activate: (
    _: JupyterFrontEnd,
    translator: ITranslator | null,
    marks: ISharingMarks | null
  ) => new MeshRenderer((translator ?? nullTranslator).load(DOMAIN), marks)
};

export const listing: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:listing`,
  description: 'Lists long folders fast in the default file browser.',
  autoStart: true,
  requires: [IDefaultFileBrowser, ISettingRegistry],
  optional: [IMeshModel, ISharingMarks],
  activate: async (
    _: JupyterFrontEnd,
    browser: IDefaultFileBrowser,
    registry: ISettingRegistry,
    mesh: IMeshModel | null,
    marks: ISharingMarks | null
  ): Promise<void> => {
    const rows = listingOf(browser);
    browser.model.refreshed.connect(({ path }) => {
      if (browser.isVisible && mesh?.contains(path)) {
        marks?.look();
      }
    }, browser);
    marks?.changed.connect(() => rows.update(), rows);
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
