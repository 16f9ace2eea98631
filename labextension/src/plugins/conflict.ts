import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchUnsaved, postUnsaved } from '../api';
import { installConflictDialog } from '../conflict';
import { DOMAIN, IMeshModel, NAMESPACE } from '../tokens';

export const conflict: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:conflict`,
  description:
    'Asks what to do when a document of the mesh was changed by somebody else, and loses neither text.',
  autoStart: true,
  requires: [IMeshModel],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    translator: ITranslator | null
  ): void => {
    const { serverSettings } = app.serviceManager;
    installConflictDialog({
      mesh,
      room: {
        unsaved: path => fetchUnsaved(serverSettings, path),
        act: (path, action, hash) =>
          postUnsaved(serverSettings, path, action, hash)
      },
      trans: (translator ?? nullTranslator).load(DOMAIN),
      openCopy: path => app.commands.execute('docmanager:open', { path })
    });
  }
};
