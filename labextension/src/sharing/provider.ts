import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchAbilities, fetchMarks } from './api';
import { SharingMarks } from './marks';
import { SharingState } from './state';
import {
  DOMAIN,
  IMeshModel,
  ISharingMarks,
  ISharingState,
  NAMESPACE
} from '../tokens';

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

export const sharingMarks: JupyterFrontEndPlugin<ISharingMarks> = {
  id: `${NAMESPACE}:sharing-marks`,
  description: 'Knows what rows of files say of sharing.',
  autoStart: true,
  provides: ISharingMarks,
  requires: [IMeshModel, ISharingState],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    sharing: ISharingState,
    translator: ITranslator | null
  ): ISharingMarks => {
    const settings = app.serviceManager.serverSettings;
    return new SharingMarks({
      mesh,
      sharing,
      fetch: () => fetchMarks(settings),
      now: () => Date.now(),
      trans: (translator ?? nullTranslator).load(DOMAIN)
    });
  }
};
