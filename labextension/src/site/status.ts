import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { StatusItem } from './statusitem';
import { DOMAIN, IMeshModel, NAMESPACE, PANEL_ID } from '../tokens';

export const status: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:status`,
  description: 'Names the site in the status bar.',
  autoStart: true,
  requires: [IMeshModel, IStatusBar],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    statusBar: IStatusBar,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const item = new StatusItem(mesh, trans, () =>
      app.shell.activateById(PANEL_ID)
    );
    statusBar.registerStatusItem(`${NAMESPACE}:status`, {
      item,
      align: 'left',
      rank: 10
    });
    // Once, so that the bar has a name to show; from then on others ask.
    void app.restored.then(() => mesh.refresh());
  }
};
