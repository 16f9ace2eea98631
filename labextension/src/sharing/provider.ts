import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { fetchAbilities } from './api';
import { SharingState } from './state';
import { IMeshModel, ISharingState, NAMESPACE } from '../tokens';

export const sharingState: JupyterFrontEndPlugin<ISharingState> = {
  id: `${NAMESPACE}:sharing-state`,
  description:
    'Knows what the site can do for sharing, and hears of every change.',
  autoStart: true,
  provides: ISharingState,
  requires: [IMeshModel],
  activate: (app: JupyterFrontEnd, mesh: IMeshModel): ISharingState => {
    const { serverSettings, events } = app.serviceManager;
    const state = new SharingState({
      fetch: () => fetchAbilities(serverSettings),
      noteFailure: error => mesh.noteFailure(error)
    });
    events.stream.connect((_, event) => state.note(event), state);
    return state;
  }
};
