import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { showErrorMessage } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';

import { downloadUrl } from '../api';
import { CommandIDs, DOMAIN, IMeshModel, NAMESPACE } from '../tokens';

export const download: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:download`,
  description: 'Downloads a folder, or what is selected, as one zip.',
  autoStart: true,
  requires: [IMeshModel, IFileBrowserFactory],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    factory: IFileBrowserFactory,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { contents, serverSettings } = app.serviceManager;
    const selected = (): { path: string; isFolder: boolean }[] =>
      Array.from(
        factory.tracker.currentWidget?.selectedItems() ?? [],
        item => ({
          path: item.path,
          isFolder: item.type === 'directory'
        })
      );

    app.commands.addCommand(CommandIDs.download, {
      label: trans.__('Download as Zip'),
      caption: trans.__(
        'Download the folder, or all that is selected, as one file'
      ),
      icon: downloadIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      // One file has the stock entry, which gives it as it is.
      isVisible: () => {
        const items = selected();
        return (
          (items.length > 1 || items.some(item => item.isFolder)) &&
          items.every(item => mesh.contains(item.path))
        );
      },
      execute: async () => {
        const paths = selected().map(item => item.path);
        try {
          // A link that fails shows a broken page: what is wrong is found out before.
          await contents.get(paths[0], { content: false });
        } catch (error) {
          mesh.noteFailure(error);
          await showErrorMessage(
            trans.__('Nothing could be downloaded'),
            error as Error
          );
          return;
        }
        const link = document.createElement('a');
        link.href = downloadUrl(serverSettings, paths);
        link.download = '';
        document.body.append(link);
        link.click();
        link.remove();
      }
    });
  }
};
