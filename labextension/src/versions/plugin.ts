import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import {
  Dialog,
  ICommandPalette,
  MainAreaWidget,
  Notification,
  showDialog,
  showErrorMessage,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { historyIcon } from '@jupyterlab/ui-components';

import {
  compare,
  fetchVersion,
  fetchVersions,
  restoreVersion,
  versionUrl
} from '../api';
import { VersionsPanel } from './panel';
import { selectedFile, selectedItems } from '../panel/selection';
import { formatExact } from '../format';
import { OpenDocument } from '../documents/opendocument';
import { CommandIDs, DOMAIN, IMeshModel, NAMESPACE } from '../tokens';
import { VersionsModel } from './model';

export const versions: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:versions`,
  description: 'Earlier versions of a file: looked at, compared, restored.',
  autoStart: true,
  requires: [
    IMeshModel,
    IDocumentManager,
    IRenderMimeRegistry,
    IEditorLanguageRegistry
  ],
  optional: [IFileBrowserFactory, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    manager: IDocumentManager,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    factory: IFileBrowserFactory | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const settings = serviceManager.serverSettings;
    const tracker = new WidgetTracker<MainAreaWidget<VersionsPanel>>({
      namespace: 'mesh-versions'
    });

    const open = (path: string): MainAreaWidget<VersionsPanel> => {
      const document = (): OpenDocument =>
        new OpenDocument(
          manager,
          () => shell.widgets('main'),
          model.path,
          trans
        );
      const model = new VersionsModel({
        path,
        contents: serviceManager.contents,
        fetch: path => fetchVersions(settings, path),
        compare: (path, old, now) => compare(settings, path, old, now),
        unsaved: () => document().unsaved,
        noteFailure: error => mesh.noteFailure(error)
      });
      let isRestoring = false;
      const content = new VersionsPanel({
        model,
        site: mesh.status?.site.title ?? '',
        trans,
        rendermime,
        languages,
        fetchVersion: (path, id) => fetchVersion(settings, path, id),
        actions: {
          retry: () => void model.refresh(),
          download: () => {
            const link = window.document.createElement('a');
            link.href = versionUrl(settings, model.path, model.chosen!.id);
            link.download = '';
            link.click();
          },
          restore: () => {
            // A double click asks once.
            if (!isRestoring) {
              isRestoring = true;
              void restore(model, document()).finally(() => {
                isRestoring = false;
              });
            }
          }
        }
      });
      const widget = new MainAreaWidget({ content });
      widget.id = `jp-mesh-versions-${path}`;
      void model.refresh();
      return widget;
    };

    /** Asks, saves what is not saved, restores, and shows the result where the file is open. */
    const restore = async (
      model: VersionsModel,
      document: OpenDocument
    ): Promise<void> => {
      const version = model.chosen;
      if (!version) {
        return;
      }
      const { path } = model;
      const name = PathExt.basename(path);
      const when = formatExact(version.modified);
      const isDirty = document.unsaved !== null;
      const { button } = await showDialog({
        title: trans.__('Restore "%1" of %2?', name, when),
        body: isDirty
          ? trans.__(
              'Your unsaved changes are saved first. The present content becomes a version: nothing is lost.'
            )
          : trans.__('The present content becomes a version: nothing is lost.'),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({
            label: isDirty ? trans.__('Save and restore') : trans.__('Restore')
          })
        ]
      });
      if (!button.accept) {
        return;
      }
      try {
        if (!(await document.save())) {
          return;
        }
        await restoreVersion(settings, path, version.id);
        await document.reload();
        Notification.success(trans.__('"%1" is as it was on %2.', name, when), {
          autoClose: 3000
        });
      } catch (error) {
        mesh.noteFailure(error);
        await showErrorMessage(
          trans.__('"%1" was not restored', name),
          error as Error
        );
      }
      await model.choose(null, 'preview');
      await model.refresh();
    };

    /** The file that the command is for: the selected one of the browser, else the document in front. */
    const target = (): string => {
      const browser = factory?.tracker.currentWidget;
      const isBrowsing = browser?.node.contains(window.document.activeElement);
      const current = shell.currentWidget;
      const context = current && manager.contextForWidget(current);
      const selected = selectedItems(factory).filter(
        item => item.type !== 'directory'
      );
      return (
        (!isBrowsing && context?.path) ||
        (selected.length === 1 ? selected[0].path : '')
      );
    };

    commands.addCommand(CommandIDs.versions, {
      label: trans.__('Versions…'),
      caption: trans.__('Look at earlier versions of this file, or go back'),
      icon: args =>
        args.isMenu
          ? historyIcon.bindprops({ stylesheet: 'menuItem' })
          : undefined,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('API path; the current file without it')
            },
            isMenu: {
              type: 'boolean',
              description: trans.__('Whether a context menu asks')
            }
          }
        }
      },
      isVisible: args =>
        !args.isMenu || mesh.contains(selectedFile(factory) || 'no/mesh'),
      isEnabled: args => {
        const path =
          (args.path as string | undefined) ??
          (args.isMenu ? selectedFile(factory) : target());
        return path !== '' && mesh.contains(path);
      },
      execute: async args => {
        const path =
          (args.path as string | undefined) ??
          (args.isMenu ? selectedFile(factory) : target());
        if (!path) {
          return;
        }
        let widget = tracker.find(each => each.content.model.path === path);
        if (!widget) {
          widget = open(path);
          await tracker.add(widget);
          shell.add(widget, 'main', { mode: 'tab-after', type: 'Versions' });
        } else {
          void widget.content.model.refresh();
        }
        shell.activateById(widget.id);
      }
    });
    palette?.addItem({
      command: CommandIDs.versions,
      category: trans.__('Mesh')
    });
  }
};
