import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { Dialog, showErrorMessage } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PathExt } from '@jupyterlab/coreutils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { compare, fetchUnsaved, postUnsaved } from '../api';
import { installConflictDialog } from './dialog';
import { DOMAIN, IMeshModel, NAMESPACE } from '../tokens';

export const conflict: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:conflict`,
  description:
    'Asks what to do when a document of the mesh was changed by somebody else, and loses neither text.',
  autoStart: true,
  requires: [IMeshModel, IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { serverSettings } = app.serviceManager;

    const showBoth = async (
      path: string,
      mine: unknown,
      theirs: string
    ): Promise<void> => {
      try {
        const [comparison, { ComparisonView }] = await Promise.all([
          compare(serverSettings, path, { current: true }, { content: mine }),
          import('../compare/view')
        ]);
        const dialog = new Dialog({
          title: trans.__('"%1": theirs and yours', PathExt.basename(path)),
          body: new ComparisonView({
            comparison,
            path,
            labels: {
              old: trans.__('Theirs: %1', theirs),
              new: trans.__('Yours, not saved')
            },
            rendermime,
            languages,
            trans
          }),
          buttons: [Dialog.okButton({ label: trans.__('Back') })]
        });
        dialog.addClass('jp-MeshCompareDialog');
        dialog.node.ariaLabel = trans.__('Theirs and yours');
        await dialog.launch();
      } catch (error) {
        await showErrorMessage(
          trans.__('"%1" cannot be compared', PathExt.basename(path)),
          error as Error
        );
      }
    };

    installConflictDialog({
      mesh,
      room: {
        unsaved: path => fetchUnsaved(serverSettings, path),
        act: (path, action, hash) =>
          postUnsaved(serverSettings, path, action, hash)
      },
      trans,
      openCopy: path => app.commands.execute('docmanager:open', { path }),
      compare: showBoth
    });
  }
};
