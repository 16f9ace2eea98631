import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ICode } from '../tokens';

import {
  Clipboard,
  ICommandPalette,
  Notification,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';

import { fetchCode } from '../api';
import { acceptFiles } from './drop';
import { insertLines, takesCode, textFor } from './insert';
import { selectedPaths } from '../panel/selection';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  NAMESPACE
} from '../tokens';

export const code: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:code`,
  description:
    'Brings files of the mesh into code: by the clipboard, by a drag into a cell, or by a command.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, IFileBrowserFactory],
  optional: [INotebookTracker, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    factory: IFileBrowserFactory,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { commands } = app;
    const settings = app.serviceManager.serverSettings;

    const targets = (): string[] => selectedPaths(factory, panel.browser);
    const areOurs = (): boolean =>
      targets().every(path => mesh.contains(path) && path !== mesh.root);
    const tell = (error: unknown): void => {
      mesh.noteFailure(error);
      void showErrorMessage(trans.__('Path for code'), error as Error);
    };

    /** Says what is in the clipboard now. */
    const confirm = (paths: readonly string[], copied: ICode): void => {
      const name = PathExt.basename(paths[0]);
      const isMounted = copied.path !== null;
      const text =
        paths.length > 1
          ? isMounted
            ? trans.__('Copied %1 paths.', paths.length)
            : trans.__('Copied the code that opens %1 files.', paths.length)
          : isMounted
            ? trans.__('Path copied: %1', copied.path)
            : trans.__('Copied the code that opens "%1".', name);
      Notification.success(text, { autoClose: 3000 });
    };
    commands.addCommand(CommandIDs.copyCode, {
      label: trans.__('Copy Path for Code'),
      caption: trans.__(
        'Copy the mounted path, or the lines of Python that open it where nothing is mounted'
      ),
      icon: copyIcon.bindprops({ stylesheet: 'menuItem' }),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('API path; the selected items without it')
            }
          }
        }
      },
      isVisible: () => areOurs(),
      execute: async args => {
        const paths = args.path ? [args.path as string] : targets();
        try {
          const found = await fetchCode(settings, paths);
          const mounted = found.all.flatMap(each => each.path ?? []);
          Clipboard.copyToSystem(
            (mounted.length === paths.length ? mounted : found.lines).join('\n')
          );
          confirm(paths, found);
        } catch (error) {
          tell(error);
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.copyCode,
      category: trans.__('Mesh')
    });

    if (!notebooks) {
      return;
    }
    const insert = async (
      paths: string[],
      notebook: NotebookPanel,
      cell: Cell,
      at: CodeEditor.IPosition
    ): Promise<void> => {
      try {
        const { path } = notebook.context;
        const text = textFor(await fetchCode(settings, paths, path), notebook);
        if (cell.isDisposed || !takesCode(cell) || !cell.editor) {
          return;
        }
        insertLines(cell.editor, at, text);
        app.shell.activateById(notebook.id);
        notebook.content.activeCellIndex =
          notebook.content.widgets.indexOf(cell);
        notebook.content.mode = 'edit';
        cell.editor.focus();
      } catch (error) {
        tell(error);
      }
    };
    notebooks.widgetAdded.connect((_, notebook) => {
      const drops = acceptFiles(notebook, {
        isOurs: path => mesh.contains(path) && path !== mesh.root,
        onDrop: (paths, cell, at) => void insert(paths, notebook, cell, at)
      });
      notebook.disposed.connect(drops.dispose, drops);
    });
    commands.addCommand(CommandIDs.insertCode, {
      label: trans.__('Insert Path into Cell'),
      caption: trans.__(
        'Write the code that opens it into the cell that was used last'
      ),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('API path; the selected items without it')
            }
          }
        }
      },
      isVisible: () => areOurs() && notebooks.currentWidget !== null,
      isEnabled: () => areOurs() && takesCode(notebooks.activeCell),
      execute: async args => {
        const notebook = notebooks.currentWidget;
        const cell = notebooks.activeCell;
        if (notebook && takesCode(cell) && cell.editor) {
          const paths = args.path ? [args.path as string] : targets();
          await insert(paths, notebook, cell, cell.editor.getCursorPosition());
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.insertCode,
      category: trans.__('Mesh')
    });
    notebooks.activeCellChanged.connect(() =>
      commands.notifyCommandChanged(CommandIDs.insertCode)
    );
  }
};
