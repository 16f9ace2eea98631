import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ITranslator, nullTranslator } from '@jupyterlab/translation';

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
    installConflictDialog({
      mesh,
      trans: (translator ?? nullTranslator).load(DOMAIN),
      openCopy: path => app.commands.execute('docmanager:open', { path })
    });
  }
};
