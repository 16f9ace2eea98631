import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { showErrorMessage } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PathExt } from '@jupyterlab/coreutils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { dismissConflicts, flushMount } from '../api';
import { showComparison } from '../compare/dialog';
import { MountLine } from './line';
import { DOMAIN, IMeshModel, IMeshPanel, NAMESPACE } from '../tokens';

export const mount: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:mount`,
  description:
    'Tells in the Mesh panel what code has written and is not at the site yet.',
  autoStart: true,
  requires: [
    IMeshModel,
    IMeshPanel,
    IRenderMimeRegistry,
    IEditorLanguageRegistry
  ],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { contents, serverSettings: settings } = app.serviceManager;
    const comparing = { settings, rendermime, languages, trans };
    const tell = (error: unknown): void => {
      void showErrorMessage(trans.__('Mounted files'), error as Error);
    };
    const line = new MountLine(mesh, {
      trans,
      actions: {
        tryNow: () => {
          line.isTrying = true;
          void flushMount(settings, mesh.root)
            .catch(tell)
            .then(() => mesh.refresh(true))
            .finally(() => {
              line.isTrying = false;
            });
        },
        open: ({ copy }) => {
          void app.commands.execute('docmanager:open', { path: copy });
        },
        compare: ({ path, copy, who }) => {
          void showComparison(
            {
              path,
              content: async () => {
                const model = await contents.get(copy, { content: true });
                if (model.format === 'base64') {
                  throw new Error(
                    trans.__('"%1" is not text.', PathExt.basename(copy))
                  );
                }
                return model.content as unknown;
              },
              title: trans.__('both that are kept'),
              labels: {
                old: who
                  ? trans.__('By %1', who)
                  : trans.__('Changed elsewhere'),
                new: trans.__('Written by code')
              }
            },
            comparing
          );
        },
        dismiss: () => {
          void dismissConflicts(settings)
            .catch(tell)
            .then(() => mesh.refresh())
            .then(() => panel.browser.focusListing());
        }
      }
    });
    panel.addLine(line);
  }
};
