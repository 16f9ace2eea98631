import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { FileBrowser } from '@jupyterlab/filebrowser';

import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import {
  IDefaultFileBrowser,
  IFileBrowserFactory
} from '@jupyterlab/filebrowser';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Throttler } from '@lumino/polling';

import {
  fetchTransfers,
  removeTransfer,
  retryTransfer,
  startCopy
} from '../api';
import { TransfersWidget } from './view';
import { TransferStatus } from './statusitem';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  NAMESPACE,
  PANEL_ID
} from '../tokens';
import type { Action, Transfer } from './transfer';
import { TransfersModel } from './model';
import { installCopies } from './copies';
import { acceptDrops } from './drop';
import { join, pickFiles, readInput } from './entries';
import type { IIncoming } from './intake';
import { Intake } from './intake';
import { UploadMemory } from './memory';
import { askAboutName, askToReplace } from './question';
import { Seen } from './seen';
import { summaryOf } from './words';

export const transfers: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:transfers`,
  description:
    'Uploads of any size that survive a break, copies with progress, and the list of both.',
  autoStart: true,
  requires: [
    IMeshModel,
    IMeshPanel,
    IDefaultFileBrowser,
    IFileBrowserFactory,
    IDocumentManager
  ],
  optional: [IStatusBar, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    defaultBrowser: IDefaultFileBrowser,
    factory: IFileBrowserFactory,
    manager: IDocumentManager,
    statusBar: IStatusBar | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { commands, serviceManager } = app;
    const { contents, serverSettings } = serviceManager;
    const getSite = (): string =>
      mesh.status?.site.title || trans.__('the site');
    const tell = (error: unknown): void => {
      void showErrorMessage(
        trans.__('Transfers'),
        error instanceof Error ? error : String(error)
      );
    };

    const model = new TransfersModel({
      fetch: () => fetchTransfers(serverSettings),
      copy: (source, target) => startCopy(serverSettings, source, target),
      remove: id => removeTransfer(serverSettings, id),
      retry: (id, replace) => retryTransfer(serverSettings, id, replace),
      open: async (...args) => {
        const { tusSender } = await import('./tus');
        return tusSender(serverSettings)(...args);
      },
      memory: new UploadMemory(serverSettings.baseUrl, window.localStorage)
    });
    const intake = new Intake({
      contents,
      transfers: model,
      ask: (taken, others) => askAboutName(taken, others, trans)
    });
    const takeTree = (folder: string, entries: Promise<IIncoming[]>): void => {
      void entries
        .then(found => intake.addTree(folder, found))
        .catch(tell)
        .finally(() => refresh(folder));
    };

    /** Lets the listings of a folder show what has come. */
    const changed = new Set<string>();
    const throttled = new Throttler(() => {
      factory.tracker.forEach(browser => {
        if (changed.has(browser.model.path)) {
          void browser.model.refresh();
        }
      });
      changed.clear();
    }, 1000);
    const refresh = (folder: string): void => {
      changed.add(folder);
      void throttled.invoke();
    };
    model.ended.connect((_, { folder }) => refresh(folder));

    const takeOver = (browser: FileBrowser): void => {
      const { model: listed } = browser;
      const stock = listed.upload.bind(listed);
      listed.upload = async (file, path) => {
        const folder = path ?? listed.path;
        if (!mesh.contains(folder) || !listed.allowFileUploads) {
          return stock(file, path);
        }
        const done = await intake.addFile(file, join(folder, file.name));
        return contents.get(done.path, { content: false });
      };
      const drops = acceptDrops(browser, {
        isOurs: folder => mesh.contains(folder),
        onDrop: takeTree
      });
      browser.disposed.connect(drops.dispose, drops);
    };
    takeOver(panel.browser);
    takeOver(defaultBrowser);
    installCopies({ manager, mesh, transfers: model });

    /** Does what a button of the list says; a double click says it once, and Cancel always counts. */
    const acting = new Set<Transfer>();
    const onAction = (transfer: Transfer, action: Action): void => {
      if (action === 'cancel' || !acting.has(transfer)) {
        acting.add(transfer);
        void act(transfer, action)
          .catch(tell)
          .finally(() => acting.delete(transfer));
      }
    };
    const act = async (transfer: Transfer, action: Action): Promise<void> => {
      switch (action) {
        case 'pause':
          return model.pause(transfer);
        case 'resume':
          return model.resume(transfer);
        case 'retry':
          return model.retry(transfer);
        case 'cancel':
        case 'dismiss':
          return model.remove(transfer);
        case 'keep':
          return model.retryAs(transfer, await intake.freePath(transfer.path));
        case 'replace': {
          const there = await contents.get(transfer.path, {
            content: false,
            hash: true
          });
          if (await askToReplace(there, trans)) {
            await model.retry(transfer, there.hash ?? '');
          }
          return;
        }
        case 'choose': {
          const [file] = await pickFiles('one');
          if (file && !model.continueWith(transfer, file)) {
            throw new Error(
              trans.__(
                'This is not the file that "%1" was begun with, or it has changed since, or the upload was begun in another browser. Choose the same file, or cancel the upload and begin anew.',
                transfer.name
              )
            );
          }
          return;
        }
      }
    };

    const section = new TransfersWidget(model, {
      root: mesh.root,
      trans,
      getSite,
      onAction,
      onCancelAll: () => {
        void Promise.all(model.running.map(item => model.remove(item))).catch(
          tell
        );
      }
    });
    const seen = new Seen(model, panel, section);
    section.disposed.connect(seen.dispose, seen);
    // What was started in a terminal comes into the list while the panel is looked at.
    const watch = model.watch(() => panel.isVisible);
    section.disposed.connect(watch.dispose, watch);

    commands.addCommand(CommandIDs.showTransfers, {
      label: trans.__('Show Transfers'),
      caption: trans.__('Uploads and copies that run or have ended'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => model.items.length > 0,
      execute: () => {
        app.shell.activateById(PANEL_ID);
        if (section.parent) {
          panel.expandSection(section);
        }
      }
    });
    commands.addCommand(CommandIDs.uploadFolder, {
      label: trans.__('Upload Folder…'),
      caption: trans.__('Upload a folder with all that is in it'),
      describedBy: { args: { type: 'object', properties: {} } },
      isVisible: () =>
        mesh.contains(
          (factory.tracker.currentWidget ?? panel.browser).model.path
        ),
      execute: async () => {
        const { path } = (factory.tracker.currentWidget ?? panel.browser).model;
        const folder = mesh.contains(path) ? path : mesh.areas[0].path;
        const files = await pickFiles('folder');
        takeTree(folder, Promise.resolve(readInput(files, folder)));
      }
    });
    for (const command of [CommandIDs.uploadFolder, CommandIDs.showTransfers]) {
      palette?.addItem({ command, category: trans.__('Mesh') });
    }

    statusBar?.registerStatusItem(`${NAMESPACE}:transfers`, {
      item: new TransferStatus(model, trans, () => {
        void commands.execute(CommandIDs.showTransfers);
      }),
      align: 'left',
      rank: 11,
      isActive: () => summaryOf(model.items, trans) !== '',
      activeStateChanged: model.stateChanged
    });

    window.addEventListener('online', () => model.tryNow());
    window.addEventListener('beforeunload', event => {
      if (model.needsPage) {
        event.preventDefault();
      }
    });
    // Once, for what another page has left behind; from then on while there is something to see.
    void app.restored.then(() => model.refresh());
  }
};
