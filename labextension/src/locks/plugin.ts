import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type {
  DocumentRegistry,
  IDocumentWidget
} from '@jupyterlab/docregistry';

import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { extendEveryDocument } from '../documents/everydocument';
import { LockedFile } from './lockedfile';
import { DOMAIN, IMeshModel, NAMESPACE } from '../tokens';

export const locks: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:locks`,
  description:
    'Says in a document who is editing it, while it cannot be saved.',
  autoStart: true,
  requires: [IMeshModel],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { docRegistry, serviceManager } = app;
    const extension: DocumentRegistry.WidgetExtension = {
      createNew: (
        widget: IDocumentWidget,
        context: DocumentRegistry.IContext<DocumentRegistry.IModel>
      ) => {
        const file = new LockedFile(
          widget,
          context,
          serviceManager.contents,
          trans
        );
        void context.ready.then(async () => {
          if (
            !context.isDisposed &&
            mesh.contains(context.path) &&
            context.contentsModel?.writable === false
          ) {
            // Without an answer the file stays read-only, as JupyterLab shows it.
            await file.look().catch(error => mesh.noteFailure(error));
          }
        });
        return file;
      }
    };
    extendEveryDocument(docRegistry, extension);
  }
};
