import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchUnsaved, postUnsaved } from '../api';
import { showComparison } from '../compare/dialog';
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
    const settings = app.serviceManager.serverSettings;
    const showBoth = (
      path: string,
      mine: unknown,
      theirs: string
    ): Promise<void> =>
      showComparison(
        {
          path,
          content: () => Promise.resolve(mine),
          title: trans.__('theirs and yours'),
          labels: {
            old: trans.__('Theirs: %1', theirs),
            new: trans.__('Yours, not saved')
          }
        },
        { settings, rendermime, languages, trans }
      );

    installConflictDialog({
      mesh,
      room: {
        unsaved: path => fetchUnsaved(settings, path),
        act: (path, action, hash) => postUnsaved(settings, path, action, hash)
      },
      trans,
      openCopy: path => app.commands.execute('docmanager:open', { path }),
      compare: showBoth
    });
  }
};
