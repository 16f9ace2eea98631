// A file as it is open here, if it is.
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';

import { PathExt } from '@jupyterlab/coreutils';

/** Rejections of a save with which the user said "not now". */
const NOT_NOW = ['ModalCancelError', 'ModalDuplicateError'];

/** Looks at the moment of the question: documents come and go, and one file can be open in two ways. */
export class OpenDocument {
  constructor(
    private _manager: IDocumentManager,
    /** All that is open in the main area. */
    private _widgets: () => Iterable<Widget>,
    private _path: string,
    private _trans: TranslationBundle
  ) {}

  /** What is on the screen and not saved, as notebook or text; null if all is saved, or nothing open. */
  get unsaved(): unknown {
    const dirty = this._contexts().find(context => context.model.dirty);
    if (!dirty) {
      return null;
    }
    return dirty.contentsModel?.type === 'notebook'
      ? dirty.model.toJSON()
      : dirty.model.toString();
  }

  /** Stores what is not saved; false if the user decided otherwise in a question that came up. */
  async save(): Promise<boolean> {
    for (const context of this._contexts()) {
      if (context.model.dirty) {
        try {
          await context.save();
        } catch (error) {
          if (NOT_NOW.includes((error as Error).name)) {
            return false;
          }
          throw error;
        }
      }
    }
    return this.unsaved === null;
  }

  /** Shows what the site has now, unless something has been typed since `save`. */
  async reload(): Promise<void> {
    for (const context of this._contexts()) {
      if (context.model.dirty) {
        throw new Error(
          this._trans.__(
            '"%1" is restored at the site. What you have typed meanwhile is still on the screen: save it as a copy, or reload the document.',
            PathExt.basename(this._path)
          )
        );
      }
      await context.revert();
    }
  }

  private _contexts(): DocumentRegistry.Context[] {
    const found = new Set<DocumentRegistry.Context>();
    for (const widget of this._widgets()) {
      const context = this._manager.contextForWidget(widget);
      if (context?.path === this._path) {
        found.add(context);
      }
    }
    return Array.from(found);
  }
}
