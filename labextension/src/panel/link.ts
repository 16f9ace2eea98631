import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { CommandRegistry } from '@lumino/commands';

import { IRouter } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { linkIcon } from '@jupyterlab/ui-components';

import { selectedPaths } from './selection';
import { fetchAccess } from '../sharing/api';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  NAMESPACE
} from '../tokens';

/** Stock links lead to this server, where nobody else has the file. */
const REPLACED = ['filebrowser:share-main', 'filebrowser:copy-download-link'];

export const link: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:link`,
  description: 'Links that open the Mesh panel at a place: /lab?mesh=<path>.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, IFileBrowserFactory],
  optional: [IRouter, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    factory: IFileBrowserFactory,
    router: IRouter | null,
    translator: ITranslator | null
  ): void => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);

    commands.addCommand(CommandIDs.openLink, {
      label: trans.__('Open Mesh Link'),
      caption: trans.__('Open the place that a link names'),
      describedBy: {
        args: {
          type: 'object',
          required: ['search'],
          properties: {
            search: {
              type: 'string',
              description: trans.__('Query of the address, with "mesh=<path>"')
            }
          }
        }
      },
      isVisible: () => false,
      execute: args => {
        const search = args.search as string;
        const path = new URLSearchParams(search).get('mesh') ?? '';
        // The layout is restored only after this command has returned: waiting for it here would hang
        // the start.
        void app.restored.then(() =>
          commands.execute(CommandIDs.openPath, { path })
        );
      }
    });
    router?.register({
      command: CommandIDs.openLink,
      pattern: /[?&]mesh=/,
      rank: 20
    });

    const target = (): string => selectedPaths(factory, panel.browser)[0];
    hideCommands(commands, REPLACED, () => mesh.contains(target()));

    commands.addCommand(CommandIDs.copyLink, {
      label: trans.__('Copy Link'),
      caption: trans.__(
        'Copy a link that opens this for everybody who has access to it'
      ),
      icon: linkIcon.bindprops({ stylesheet: 'menuItem' }),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('API path; the selected item without it')
            }
          }
        }
      },
      isVisible: () => mesh.contains(target()),
      execute: async args => {
        const path = (args.path as string | undefined) ?? target();
        const url = URLExt.join(PageConfig.getShareUrl(), 'mesh/open');
        // The id leads there after a move, and where the others have it; without it there is the path.
        const id = await fetchAccess(app.serviceManager.serverSettings, path)
          .then(access => access.id)
          .catch(() => '');
        const query = URLExt.objectToQueryString({
          ...(id && { resource: id }),
          path
        });
        Clipboard.copyToSystem(`${url}${query}`);
        Notification.success(trans.__('Link copied.'), { autoClose: 3000 });
      }
    });
  }
};

/** Takes commands of others out of menus while `isHidden`: entries of a menu belong to whoever made them. */
function hideCommands(
  commands: CommandRegistry,
  ids: readonly string[],
  isHidden: () => boolean
): void {
  const stock = commands.isVisible.bind(commands);
  commands.isVisible = (id, args) =>
    !(ids.includes(id) && isHidden()) && stock(id, args);
}
