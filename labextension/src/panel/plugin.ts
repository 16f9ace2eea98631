import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { CommandRegistry } from '@lumino/commands';

import { ILayoutRestorer, JupyterLab } from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { PathExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandToolbarButton, MenuSvg } from '@jupyterlab/ui-components';

import { areaOf } from './notice';
import { MeshBrowserModel } from './browsermodel';
import { MeshRenderer } from '../listing/badges';
import { MeshFileBrowser } from './browser';
import { HeaderWidget } from './header';
import { MeshPanel } from './panel';
import { shareOf } from '../sharing/revoked';
import { stoppedWords } from '../sharing/words';
import {
  BROWSER_ID,
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  ISharingMarks,
  ISharingState,
  NAMESPACE
} from '../tokens';
import { addBrowserCommands } from './commands';

/** The commands of the toolbar, in order. */
const TOOLBAR = [
  CommandIDs.newLauncher,
  CommandIDs.newFolder,
  CommandIDs.upload,
  CommandIDs.toggleFilter
];

export const panel: JupyterFrontEndPlugin<IMeshPanel> = {
  id: `${NAMESPACE}:panel`,
  description: 'The Mesh sidebar: account, state, quota and files of the site.',
  autoStart: true,
  provides: IMeshPanel,
  requires: [IMeshModel, IFileBrowserFactory, IDocumentManager],
  optional: [
    ILayoutRestorer,
    IStateDB,
    ITranslator,
    ICommandPalette,
    JupyterLab.IInfo,
    ISharingMarks,
    ISharingState
  ],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    factory: IFileBrowserFactory,
    manager: IDocumentManager,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    info: JupyterLab.IInfo | null,
    marks: ISharingMarks | null,
    sharing: ISharingState | null
  ): IMeshPanel => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const run = (id: string) => (): void => {
      void commands.execute(id);
    };

    const model = new MeshBrowserModel({
      manager,
      root: mesh.root,
      start: mesh.areas[0].path,
      state: state ?? undefined,
      translator: translator ?? undefined,
      trans,
      refuge: path => {
        const area = areaOf(path, mesh.areas)?.path ?? '';
        return area === path ? '' : area;
      },
      ended: (path, items) => {
        const share = shareOf(path, mesh);
        const owner = share ? marks?.from(share) : null;
        // While the share is there, only something in it has gone.
        const isThere =
          path !== share && items.some(item => item.path === share);
        return owner && !isThere
          ? stoppedWords(owner, PathExt.basename(share), trans)
          : '';
      },
      auto: true,
      // Nothing is asked for a panel that nobody sees, of a server that is away, or where no site is.
      refreshStandby: () =>
        !browser.isVisible ||
        info?.isConnected === false ||
        mesh.status?.state === 'not-configured' ||
        'when-hidden'
    });
    const browser: MeshFileBrowser = new MeshFileBrowser({
      id: BROWSER_ID,
      model,
      mesh,
      trans,
      renderer: new MeshRenderer(trans, marks),
      state: state ?? undefined,
      translator: translator ?? undefined,
      actions: {
        retry: () => {
          void Promise.all([mesh.refresh(true), model.refresh()]).then(() =>
            browser.focusListing()
          );
        },
        dismiss: () => {
          model.dismiss();
          browser.focusListing();
        },
        signIn: run(CommandIDs.signIn),
        details: run(CommandIDs.details),
        upload: run(CommandIDs.upload),
        newNotebook: run(CommandIDs.newNotebook),
        clearFilter: () => {
          void commands
            .execute(CommandIDs.toggleFilter)
            .then(() => browser.focusListing());
        }
      }
    });
    model.connectionFailure.connect((_, error) => mesh.noteFailure(error));
    model.refreshed.connect(() => mesh.noteSuccess());
    model.refreshed.connect(() => browser.isVisible && marks?.look(), browser);
    marks?.changed.connect(() => browser.updateRows(), browser);

    const header = new HeaderWidget(mesh, {
      trans,
      onDetails: run(CommandIDs.details),
      onRefresh: run(CommandIDs.refresh),
      onMenu: button => {
        const { left, bottom } = button.getBoundingClientRect();
        accountMenu(commands, button).open(left, bottom);
      }
    });
    const panel = new MeshPanel({ mesh, header, browser, trans });

    addBrowserCommands({
      app,
      mesh,
      panel,
      browser,
      trans,
      palette,
      sharing
    });
    for (const id of TOOLBAR) {
      browser.toolbar.addItem(
        id,
        new CommandToolbarButton({ commands, id, label: '' })
      );
    }

    // The stock commands act on the browser in the tracker that was used last.
    factory.tracker
      .add(browser)
      .catch(error => showErrorMessage(trans.__('Mesh'), error as Error));
    app.shell.add(panel, 'left', { rank: 101, type: 'Mesh' });
    restorer?.add(panel, panel.id);
    return panel;
  }
};

/** The menu behind the account button. It goes when it closes, and gives the focus back. */
function accountMenu(commands: CommandRegistry, button: HTMLElement): MenuSvg {
  const menu = new MenuSvg({ commands });
  menu.addItem({ command: CommandIDs.details });
  menu.addItem({ command: CommandIDs.signIn });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.refresh });
  menu.aboutToClose.connect(() => {
    button.focus();
    // The command that was chosen still runs.
    requestAnimationFrame(() => menu.dispose());
  }, menu);
  return menu;
}
