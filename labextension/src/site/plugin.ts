import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchMount, fetchStatus } from '../api';
import { MeshModel } from './model';
import type { IMeshPage, ISiteStatus } from '../tokens';
import { DOMAIN, IMeshModel, NAMESPACE } from '../tokens';

/** Where the mesh lies, as our server wrote it into the page; the usual place if it did not. */
function readPage(): IMeshPage {
  const text = PageConfig.getOption('mesh');
  return text
    ? (JSON.parse(text) as IMeshPage)
    : {
        root: 'mesh',
        areas: [
          { name: 'home', path: 'mesh/home' },
          { name: 'projects', path: 'mesh/projects' },
          { name: 'shares', path: 'mesh/shares' }
        ]
      };
}

export const site: JupyterFrontEndPlugin<IMeshModel> = {
  id: `${NAMESPACE}:site`,
  description: 'Knows which site is connected and how it is.',
  autoStart: true,
  provides: IMeshModel,
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null
  ): IMeshModel => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { serverSettings } = app.serviceManager;
    return new MeshModel({
      page: readPage(),
      fetch: fresh => fetchStatus(serverSettings, fresh),
      fetchMount: () => fetchMount(serverSettings),
      unreachable: (last): ISiteStatus => ({
        user: null,
        quota: null,
        features: {},
        signIn: null,
        trace: '',
        ...last,
        site: {
          name: '',
          gateway: '',
          ...last?.site,
          title: trans.__('Your Jupyter server')
        },
        state: 'offline',
        since:
          last?.state === 'offline' ? last.since : new Date().toISOString(),
        message: trans.__('Your Jupyter server does not answer.')
      })
    });
  }
};
