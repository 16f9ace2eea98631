import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { showErrorMessage } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { SharedClipboard } from './clipboard';
import { acceptDragged } from './dragged';
import { DOMAIN, IMeshPanel, NAMESPACE } from '../tokens';

export const clipboard: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:clipboard`,
  description:
    'Cut, copy or drag in one file browser, paste or drop in the other.',
  autoStart: true,
  requires: [IMeshPanel, IDefaultFileBrowser, IDocumentManager],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    panel: IMeshPanel,
    defaultBrowser: IDefaultFileBrowser,
    manager: IDocumentManager,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const shared = new SharedClipboard(manager, error => {
      void showErrorMessage(
        trans.__('Not everything could be pasted'),
        error instanceof Error ? error : String(error)
      );
    });
    shared.add(panel.browser);
    shared.add(defaultBrowser);
    for (const browser of [panel.browser, defaultBrowser]) {
      acceptDragged(browser, manager, {
        // Only of the Mesh panel is it known; elsewhere the server refuses.
        isWritable: () => browser !== panel.browser || panel.isWritable,
        onError: error => {
          void showErrorMessage(
            trans.__('Not everything could be moved'),
            error instanceof Error ? error : String(error)
          );
        }
      });
    }
  }
};
