import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type {
  DocumentRegistry,
  IDocumentWidget
} from '@jupyterlab/docregistry';
import type { IDisposable } from '@lumino/disposable';

import { MainAreaWidget, showErrorMessage } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchUnsaved } from '../api';
import { UnsavedLine } from './line';
import { extendEveryDocument } from '../documents/everydocument';
import { saveCopyOf } from '../documents/copy';
import { CommandIDs, DOMAIN, IMeshModel, NAMESPACE } from '../tokens';
import { UnsavedModel } from './unsaved';

export const collaboration: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:collaboration`,
  description:
    'Shows above a document of the mesh that it is not saved, and why, also where others edit it as well.',
  autoStart: true,
  requires: [IMeshModel],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { serverSettings, events } = app.serviceManager;
    const model = new UnsavedModel(path => fetchUnsaved(serverSettings, path));
    events.stream.connect((_, event) => {
      model.note(event);
    });

    const saveCopy = async (context: DocumentRegistry.Context) => {
      try {
        const path = await saveCopyOf(context, trans);
        await app.commands.execute('docmanager:open', { path });
      } catch (error) {
        await showErrorMessage(
          trans.__('Your version could not be saved as a copy'),
          error as Error
        );
      }
    };
    const extension = {
      createNew: (
        widget: IDocumentWidget,
        context: DocumentRegistry.Context
      ): IDisposable | void => {
        if (
          !mesh.contains(context.path) ||
          !(widget instanceof MainAreaWidget)
        ) {
          return;
        }
        const line = new UnsavedLine(model, {
          mesh,
          context,
          trans,
          signIn: () => void app.commands.execute(CommandIDs.signIn),
          saveCopy: () => void saveCopy(context)
        });
        widget.contentHeader.addWidget(line);
        return line;
      }
    };
    extendEveryDocument(app.docRegistry, extension);
  }
};
