import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';

import { FormDialog } from '../dialogs/form';
import { OpenDocument } from '../documents/opendocument';
import { selectedFile } from '../panel/selection';
import { CommandIDs, DOMAIN, IMeshModel, NAMESPACE } from '../tokens';
import { fetchParameters, fetchRuns, removeRun, startRun } from './api';
import { RunForm } from './form';
import { RunsModel } from './model';
import { RunNotices } from './notices';

export const runs: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:runs`,
  description: 'Notebooks of the mesh that the server runs with parameters.',
  autoStart: true,
  requires: [IMeshModel, IDocumentManager],
  optional: [IFileBrowserFactory, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    manager: IDocumentManager,
    factory: IFileBrowserFactory | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const settings = serviceManager.serverSettings;
    const tell = (error: unknown): void => {
      void showErrorMessage(
        trans.__('Run as batch'),
        error instanceof Error ? error : String(error)
      );
    };

    const model = new RunsModel({
      fetch: () => fetchRuns(settings),
      start: (path, parameters) => startRun(settings, path, parameters),
      remove: id => removeRun(settings, id)
    });
    const notices = new RunNotices({
      model,
      open: path => void manager.openOrReveal(path),
      tell,
      trans
    });
    // A result that has come, and one that is whole, are in the listings at once.
    model.changed.connect((_, { run, before }) => {
      if (run.output !== before?.output || run.state !== before.state) {
        const folder = PathExt.dirname(run.path);
        factory?.tracker.forEach(browser => {
          if (browser.model.path === folder) {
            void browser.model.refresh();
          }
        });
      }
    }, notices);

    const target = (isMenu: boolean): string => {
      const current = shell.currentWidget;
      const open = current && manager.contextForWidget(current)?.path;
      const path = isMenu
        ? selectedFile(factory)
        : open || selectedFile(factory);
      return path.endsWith('.ipynb') && mesh.contains(path) ? path : '';
    };
    const pathOf = (args: { path?: unknown; isMenu?: unknown }): string =>
      typeof args.path === 'string' ? args.path : target(Boolean(args.isMenu));

    commands.addCommand(CommandIDs.runBatch, {
      label: trans.__('Run as Batch…'),
      caption: trans.__(
        'Run this notebook with parameters on the server, without a browser'
      ),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('API path; the current notebook without it')
            },
            isMenu: {
              type: 'boolean',
              description: trans.__('Whether a context menu asks')
            }
          }
        }
      },
      isVisible: args => !args.isMenu || target(true) !== '',
      isEnabled: args => pathOf(args) !== '',
      execute: async args => {
        const path = pathOf(args);
        if (!path) {
          return;
        }
        try {
          // The server runs what is at the site.
          const document = new OpenDocument(
            manager,
            () => shell.widgets('main'),
            path,
            trans
          );
          if (!(await document.save())) {
            return;
          }
          const found = await fetchParameters(settings, path);
          const dialog = new FormDialog(
            trans.__('Run "%1" as batch', PathExt.basename(path)),
            ({ close }) =>
              React.createElement(RunForm, {
                ...found,
                start: parameters => model.start(path, parameters),
                close,
                trans
              })
          );
          await dialog.launch();
        } catch (error) {
          mesh.noteFailure(error);
          tell(error);
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.runBatch,
      category: trans.__('Mesh')
    });

    // What another page has started, or has not seen the end of.
    void app.restored.then(() => model.refresh());
  }
};
