// What one can do in the Mesh panel.
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import {
  addIcon,
  fileUploadIcon,
  filterIcon,
  newFolderIcon,
  refreshIcon
} from '@jupyterlab/ui-components';

import type { MeshFileBrowser } from './browser';
import type { MeshPanel } from './panel';
import type { IMeshModel, ISharingState } from '../tokens';
import { areaOf } from './notice';
import { CommandIDs } from '../tokens';
import { pickFiles } from '../transfers/entries';

interface IOptions {
  app: JupyterFrontEnd;
  mesh: IMeshModel;
  panel: MeshPanel;
  browser: MeshFileBrowser;
  trans: TranslationBundle;
  palette: ICommandPalette | null;
  /** Null where the plugin is switched off. */
  sharing: ISharingState | null;
}

/** What needs a folder that takes something. */
const NEED_ROOM = [
  CommandIDs.newLauncher,
  CommandIDs.newNotebook,
  CommandIDs.newFolder,
  CommandIDs.upload
];

const NO_ARGUMENTS = {
  args: { type: 'object', properties: {} } as ReadonlyJSONObject
};

/** Adds the commands, and to the palette those that make sense there. */
export function addBrowserCommands(options: IOptions): void {
  const { app, mesh, panel, browser, trans, palette, sharing } = options;
  const { commands } = app;
  const { model } = browser;

  /** Why nothing can be put into the open folder, or "". */
  const obstacle = (): string => {
    if (model.isWritable) {
      return '';
    }
    const area = areaOf(model.path, mesh.areas);
    const isTop = area?.path === model.path;
    if (isTop && area.name === 'projects') {
      return trans.__('Open a project to put something into it.');
    }
    if (isTop && area.name === 'shares') {
      return trans.__('Open a shared folder to put something into it.');
    }
    return trans.__('You can view this folder but not change it.');
  };
  /** The caption of a command, and why it cannot be run if it cannot. */
  const captionOf = (caption: string) => (): string =>
    model.isWritable ? caption : trans.__('%1. %2', caption, obstacle());
  let lastObstacle = '';
  model.changed.connect(() => {
    const now = obstacle();
    if (now !== lastObstacle) {
      lastObstacle = now;
      NEED_ROOM.forEach(id => commands.notifyCommandChanged(id));
    }
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Mesh'),
    caption: trans.__('Ask the site again and read the folder again'),
    icon: refreshIcon,
    describedBy: NO_ARGUMENTS,
    execute: async () => {
      await Promise.all([mesh.refresh(true), browser.model.refresh()]);
    }
  });

  commands.addCommand(CommandIDs.newLauncher, {
    label: trans.__('New Launcher in Mesh Folder'),
    caption: captionOf(trans.__('New notebook or file in this folder')),
    icon: addIcon,
    describedBy: NO_ARGUMENTS,
    isEnabled: () => !obstacle() && commands.hasCommand('launcher:create'),
    execute: () =>
      commands.execute('launcher:create', { cwd: browser.model.path })
  });

  commands.addCommand(CommandIDs.newNotebook, {
    label: trans.__('New Notebook in Mesh Folder'),
    caption: captionOf(trans.__('New notebook in this folder')),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => !obstacle() && commands.hasCommand('notebook:create-new'),
    execute: () =>
      commands.execute('notebook:create-new', { cwd: browser.model.path })
  });

  commands.addCommand(CommandIDs.newFolder, {
    label: trans.__('New Mesh Folder'),
    caption: captionOf(trans.__('New folder')),
    icon: newFolderIcon,
    describedBy: NO_ARGUMENTS,
    isEnabled: () => !obstacle(),
    // A failure was shown by the browser.
    execute: () => browser.createNewDirectory().catch(() => undefined)
  });

  commands.addCommand(CommandIDs.upload, {
    label: trans.__('Upload to Mesh Folder'),
    caption: captionOf(trans.__('Upload files')),
    icon: fileUploadIcon,
    describedBy: NO_ARGUMENTS,
    isEnabled: () => !obstacle(),
    execute: async () => {
      try {
        const files = await pickFiles('several');
        await Promise.all(files.map(file => browser.model.upload(file)));
      } catch (error) {
        await showErrorMessage(trans.__('Upload failed'), error as Error);
      }
    }
  });

  commands.addCommand(CommandIDs.toggleFilter, {
    label: trans.__('Filter Mesh Files'),
    // Not a switch: the element of Lab's toolbars may not be called pressed.
    caption: () =>
      browser.showFileFilter
        ? trans.__('Hide the filter')
        : trans.__('Filter files by name'),
    icon: filterIcon,
    describedBy: NO_ARGUMENTS,
    execute: () => {
      browser.showFileFilter = !browser.showFileFilter;
      // Stock, the button in the field has no name.
      browser.node
        .querySelector('jp-search')
        ?.shadowRoot?.querySelector('[part="clear-button"]')
        ?.setAttribute('aria-label', trans.__('Clear'));
      commands.notifyCommandChanged(CommandIDs.toggleFilter);
    }
  });

  commands.addCommand(CommandIDs.details, {
    label: trans.__('Details…'),
    caption: trans.__('Who you are, and what this site can and cannot do'),
    describedBy: NO_ARGUMENTS,
    execute: async () => {
      await Promise.all([mesh.refresh(true), sharing?.load()]);
      const status = mesh.status;
      if (!status) {
        return;
      }
      const { DetailsBody } = await import('../site/details');
      const dialog = new Dialog({
        title: status.site.title || trans.__('Mesh'),
        body: new DetailsBody({
          status,
          mount: mesh.mount,
          abilities: sharing?.abilities ?? null,
          trans
        }),
        buttons: [Dialog.okButton({ label: trans.__('Close') })]
      });
      dialog.node.ariaLabel = trans.__('Details');
      await dialog.launch();
    }
  });

  commands.addCommand(CommandIDs.signIn, {
    label: trans.__('Sign in Again…'),
    caption: trans.__('Renew your login at the site'),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => !!mesh.status && mesh.status.state !== 'not-configured',
    execute: async () => {
      const status = mesh.status;
      if (!status) {
        return;
      }
      const { button } = await showDialog({
        title: trans.__('Sign in at %1', status.site.title),
        body: status.signIn
          ? trans.__(
              'The login page opens in a new tab. Sign in there and come back: this tab keeps your changes.'
            )
          : trans.__(
              'Run "jupyter mesh login" in a terminal on the machine where Jupyter runs, then come back. This tab keeps your changes.'
            ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({
            label: status.signIn
              ? trans.__('Open the login page')
              : trans.__('Check again')
          })
        ]
      });
      if (!button.accept) {
        return;
      }
      if (status.signIn) {
        window.open(status.signIn, '_blank', 'noopener');
        // Back in this tab: look whether it worked.
        window.addEventListener(
          'focus',
          () => void commands.execute(CommandIDs.refresh),
          { once: true }
        );
      } else {
        await commands.execute(CommandIDs.refresh);
      }
    }
  });

  commands.addCommand(CommandIDs.openPath, {
    label: trans.__('Open Mesh Path'),
    caption: trans.__('Show a folder in the Mesh panel, or open a file'),
    describedBy: {
      args: {
        type: 'object',
        required: ['path'],
        properties: {
          path: {
            type: 'string',
            description: trans.__('API path, for example mesh/home/fit.ipynb')
          }
        }
      }
    },
    execute: async args => {
      const path = (args.path as string).replace(/^\/+|\/+$/g, '');
      const { contents } = app.serviceManager;
      try {
        const item = await contents.get(path, { content: false });
        const isFolder = item.type === 'directory';
        const shown = panel.showPath(
          isFolder ? path : path.split('/').slice(0, -1).join('/')
        );
        app.shell.activateById(panel.id);
        await shown;
        if (!isFolder) {
          await browser.selectItemByName(item.name);
          await commands.execute('docmanager:open', { path });
        }
      } catch (error) {
        app.shell.activateById(panel.id);
        mesh.noteFailure(error);
        await showErrorMessage(
          trans.__('"%1" cannot be opened', path),
          error as Error
        );
      }
    }
  });

  mesh.stateChanged.connect(() => {
    commands.notifyCommandChanged(CommandIDs.signIn);
  });

  for (const command of [
    CommandIDs.refresh,
    CommandIDs.newLauncher,
    CommandIDs.newFolder,
    CommandIDs.upload,
    CommandIDs.details,
    CommandIDs.signIn
  ]) {
    palette?.addItem({ command, category: trans.__('Mesh') });
  }
}
