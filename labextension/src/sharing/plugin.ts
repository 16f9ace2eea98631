import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type {
  DocumentRegistry,
  IDocumentWidget
} from '@jupyterlab/docregistry';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { IPlace } from './api';
import type { FirstFocus } from './desk';

import {
  ICommandPalette,
  IToolbarWidgetRegistry,
  MainAreaWidget,
  showErrorMessage
} from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { shareIcon } from '@jupyterlab/ui-components';

import { ShareDesk } from './desk';
import { extendEveryDocument } from '../documents/everydocument';
import { saveCopyOf } from '../documents/copy';
import { actionButton } from '../lists/action';
import { RevokedLine, shareOf } from './revoked';
import { currentPlace, placeAt, selectedPlace } from './target';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  ISharingMarks,
  ISharingState,
  NAMESPACE
} from '../tokens';

export const share: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:share`,
  description:
    'The share dialog: who has access to a file or folder, and how to change it.',
  autoStart: true,
  requires: [IMeshModel, ISharingState, IDocumentManager],
  optional: [
    IMeshPanel,
    IFileBrowserFactory,
    ICommandPalette,
    IToolbarWidgetRegistry,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    sharing: ISharingState,
    manager: IDocumentManager,
    panel: IMeshPanel | null,
    factory: IFileBrowserFactory | null,
    palette: ICommandPalette | null,
    toolbars: IToolbarWidgetRegistry | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const settings = serviceManager.serverSettings;
    const desk = new ShareDesk({
      mesh,
      sharing,
      settings,
      canInvite: () => commands.hasCommand(CommandIDs.invite),
      invite: () => commands.execute(CommandIDs.invite),
      focusElsewhere: () =>
        panel?.isVisible
          ? panel.browser.focusListing()
          : shell.currentWidget?.activate(),
      trans
    });

    const placeOf = (args: ReadonlyPartialJSONObject): IPlace | null =>
      typeof args.path === 'string'
        ? placeAt(args.path, mesh)
        : args.isMenu
          ? selectedPlace({ mesh, factory })
          : currentPlace({ mesh, shell, manager, factory });

    const add = (
      id: string,
      focus: FirstFocus,
      words: { label: string; caption: string }
    ): void => {
      commands.addCommand(id, {
        ...words,
        icon: args =>
          args.isMenu && focus === 'search'
            ? shareIcon.bindprops({ stylesheet: 'menuItem' })
            : undefined,
        describedBy: {
          args: {
            type: 'object',
            properties: {
              path: {
                type: 'string',
                description: trans.__(
                  'API path; what is selected or open without it'
                )
              },
              isMenu: {
                type: 'boolean',
                description: trans.__('Whether a context menu asks')
              }
            }
          }
        },
        isVisible: args => !args.isMenu || placeOf(args) !== null,
        isEnabled: args => placeOf(args) !== null,
        execute: async args => {
          const place = placeOf(args);
          if (place) {
            await desk.open(place, focus);
          }
        }
      });
      palette?.addItem({ command: id, category: trans.__('Mesh') });
    };
    add(CommandIDs.share, 'search', {
      label: trans.__('Share…'),
      caption: trans.__('Share this with people, groups or contacts')
    });
    add(CommandIDs.whoHasAccess, 'access', {
      label: trans.__('Who Has Access'),
      caption: trans.__('See who can view or change this, and why')
    });
    add(CommandIDs.createLink, 'link', {
      label: trans.__('Copy Link for Anyone…'),
      caption: trans.__('Make a link that lets in whoever has it')
    });

    toolbars?.addFactory<NotebookPanel>('Notebook', 'mesh-share', notebook => {
      const button = actionButton({
        label: trans.__('Share'),
        icon: shareIcon,
        tooltip: trans.__('Share this notebook'),
        onClick: () =>
          void commands.execute(CommandIDs.share, {
            path: notebook.context.path
          })
      });
      const show = (): void =>
        button.setHidden(!placeAt(notebook.context.path, mesh));
      show();
      notebook.context.pathChanged.connect(show, button);
      return button;
    });
  }
};

export const revoked: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:revoked`,
  description:
    'Says above an open document that it is no longer shared, and saves its text at home.',
  autoStart: true,
  requires: [IMeshModel, ISharingState, ISharingMarks],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    sharing: ISharingState,
    marks: ISharingMarks,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const home = mesh.areas.find(({ name }) => name === 'home');
    const saveCopy = async (
      context: DocumentRegistry.Context
    ): Promise<void> => {
      try {
        const path = await saveCopyOf(context, trans, home?.path ?? mesh.root);
        await app.commands.execute('docmanager:open', { path });
      } catch (error) {
        await showErrorMessage(
          trans.__('Your version could not be saved as a copy'),
          error as Error
        );
      }
    };
    extendEveryDocument(app.docRegistry, {
      createNew: (
        widget: IDocumentWidget,
        context: DocumentRegistry.Context
      ): IDisposable | void => {
        if (
          !shareOf(context.path, mesh) ||
          !(widget instanceof MainAreaWidget)
        ) {
          return;
        }
        const line = new RevokedLine({
          mesh,
          marks,
          sharing,
          context,
          contents: app.serviceManager.contents,
          isSeen: () => widget.isVisible,
          saveCopy: () => void saveCopy(context),
          trans
        });
        widget.contentHeader.addWidget(line);
        return line;
      }
    });
  }
};
