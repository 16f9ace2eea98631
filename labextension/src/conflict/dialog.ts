// A save that meets somebody else's change.
//
// JupyterLab 4.6 has no extension point here, so methods of the shared class Context are replaced;
// a test per Lab version guards them (tests/lab/test_conflict.py).
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { Context } from '@jupyterlab/docregistry';

import { saveCopyOf } from '../documents/copy';
import { askUntilSure } from './question';
import type { IMeshModel, IUnsaved, RoomAction } from '../tokens';
import { sentenceFor } from '../rooms/unsaved';

/** What goes to the server; `base` is the hash of the state that the text is based on. */
type SaveOptions = Partial<Contents.IModel> & { mesh?: { base: string } };

/** What is used of the private side of Context. */
interface IContextInside {
  readonly path: string;
  readonly isDisposed: boolean;
  readonly contentsModel: Omit<Contents.IModel, 'content'> | null;
  readonly model: { readonly collaborative: boolean };
  revert(): Promise<void>;
  _manager: { contents: Contents.IManager };
  _contentProviderId?: string;
  _conflictModalIsOpen: boolean;
  _saveState: { emit(state: DocumentRegistry.SaveState): void };
  _createSaveOptions(): SaveOptions;
  _maybeSave(options: SaveOptions): Promise<Contents.IModel>;
  _raiseConflict(
    model: Contents.IModel,
    options: SaveOptions
  ): Promise<Contents.IModel>;
  _handleError(error: unknown, title: string): Promise<void>;
}

interface IOptions {
  mesh: IMeshModel;
  trans: TranslationBundle;
  /** What the server says and does about a document that is edited together, in a room of its own. */
  room: {
    unsaved: (path: string) => Promise<IUnsaved | null>;
    act: (
      path: string,
      action: RoomAction,
      hash?: string
    ) => Promise<IUnsaved | null>;
  };
  /** Opens the copy that was made of the user's version. */
  openCopy: (path: string) => Promise<unknown>;
  /** Shows what the site has beside what is on the screen; ends when the user has seen enough. */
  compare: (path: string, mine: unknown, theirs: string) => Promise<void>;
}

/** Rejection that tells Lab: the user decided not to save, the document stays as it is. */
function cancelled(name: 'ModalCancelError' | 'ModalDuplicateError'): Error {
  return Object.assign(new Error(name), { name });
}

/** Replaces the stock dialog for documents of the mesh; other documents keep it. */
export function installConflictDialog(options: IOptions): void {
  const { mesh, trans } = options;
  const proto = Context.prototype as unknown as IContextInside;
  const stock = {
    maybeSave: proto._maybeSave,
    raiseConflict: proto._raiseConflict,
    handleError: proto._handleError
  };

  proto._maybeSave = async function (saveOptions) {
    if (!mesh.contains(this.path)) {
      return stock.maybeSave.call(this, saveOptions);
    }
    try {
      return this.model.collaborative
        ? await saveInRoom(this, saveOptions, options)
        : await saveOver(this, saveOptions);
    } catch (error) {
      if ((error as Error).name === 'ModalCancelError') {
        // Stock, the status bar would go on saying "Saving started".
        this._saveState.emit('failed');
      }
      throw this.model.collaborative
        ? error
        : inWords(error as Error, statusOf(error), this.path, options);
    }
  };

  proto._raiseConflict = async function (theirs, saveOptions) {
    if (!mesh.contains(this.path)) {
      return stock.raiseConflict.call(this, theirs, saveOptions);
    }
    if (this._conflictModalIsOpen) {
      throw cancelled('ModalDuplicateError');
    }
    this._conflictModalIsOpen = true;
    try {
      const choice = await askUntilSure({
        path: this.path,
        theirs,
        trans,
        compare: label =>
          options.compare(
            this.path,
            this._createSaveOptions().content as unknown,
            label
          )
      });
      if (this.isDisposed || choice === 'cancel') {
        throw cancelled('ModalCancelError');
      }
      if (choice === 'overwrite' && this.model.collaborative) {
        return await overwriteInRoom(this, theirs, options);
      }
      if (choice === 'overwrite') {
        // Cells that run have gone on writing while the question was open.
        return await saveBasedOn(this, theirs, this._createSaveOptions());
      }
      if (choice === 'copy') {
        const copy = await saveCopyOf(this, trans);
        Notification.success(
          trans.__('Your version is saved as "%1".', PathExt.basename(copy)),
          { autoClose: 5000 }
        );
        void options.openCopy(copy);
      }
      if (this.model.collaborative) {
        await options.room.act(this.path, 'load');
      } else {
        await this.revert();
      }
      return theirs;
    } finally {
      this._conflictModalIsOpen = false;
    }
  };

  proto._handleError = async function (error, title) {
    if (mesh.contains(this.path)) {
      mesh.noteFailure(error);
    }
    return stock.handleError.call(this, error, title);
  };
}

/**
 * A document that is edited together is saved by the server. Stock, a failure there looks like a success here:
 * so the server is asked, and what it says counts.
 */
async function saveInRoom(
  context: IContextInside,
  saveOptions: SaveOptions,
  options: IOptions
): Promise<Contents.IModel> {
  const { path } = context;
  const [outcome] = await Promise.allSettled([
    save(context, path, saveOptions)
  ]);
  const unsaved = await options.room.unsaved(path);
  if (unsaved?.status === 412) {
    const { contents } = context._manager;
    const theirs = await contents.get(path, { content: false, hash: true });
    return context._raiseConflict(theirs, saveOptions);
  }
  if (unsaved) {
    throw new Error(sentenceFor(unsaved, options));
  }
  if (outcome.status === 'rejected') {
    // A text, from jupyter-collaboration.
    const reason: unknown = outcome.reason;
    throw reason instanceof Error ? reason : new Error(String(reason));
  }
  return outcome.value;
}

/** Has the server replace what the user has seen of others; asks again if that has changed. */
async function overwriteInRoom(
  context: IContextInside,
  theirs: Contents.IModel,
  options: IOptions
): Promise<Contents.IModel> {
  const { path } = context;
  const unsaved = await options.room.act(
    path,
    'overwrite',
    theirs.hash ?? undefined
  );
  const { contents } = context._manager;
  const now = await contents.get(path, { content: false, hash: true });
  if (unsaved?.status === 412) {
    return askAgain(context, now);
  }
  if (unsaved) {
    throw new Error(sentenceFor(unsaved, options));
  }
  return now;
}

/**
 * Saves over the state that the document is based on; asks if the site has another.
 *
 * A file that is gone is made anew, as in stock. The look spares the upload of a document that is refused then;
 * what decides is the base that goes with it.
 */
async function saveOver(
  context: IContextInside,
  saveOptions: SaveOptions
): Promise<Contents.IModel> {
  const there = await present(context);
  if (context.isDisposed) {
    throw cancelled('ModalCancelError');
  }
  const base = context.contentsModel;
  if (!there || !base) {
    return save(context, context.path, saveOptions);
  }
  const same =
    there.hash && base.hash
      ? there.hash === base.hash
      : !(there.last_modified > base.last_modified);
  return same
    ? saveBasedOn(context, base, saveOptions)
    : context._raiseConflict(there, saveOptions);
}

/** Saves over this state only; asks if it is no longer what the site has. */
async function saveBasedOn(
  context: IContextInside,
  state: Pick<Contents.IModel, 'hash'>,
  saveOptions: SaveOptions
): Promise<Contents.IModel> {
  const base = state.hash ?? '';
  try {
    return await save(context, context.path, {
      ...saveOptions,
      mesh: { base }
    });
  } catch (error) {
    const there = statusOf(error) === 412 ? await present(context) : null;
    if (there) {
      return askAgain(context, there);
    }
    throw error;
  }
}

/** Asks what to do about another change, also where the question about an earlier one was just answered. */
function askAgain(
  context: IContextInside,
  theirs: Contents.IModel
): Promise<Contents.IModel> {
  context._conflictModalIsOpen = false;
  return context._raiseConflict(theirs, {});
}

/** The file as it is at the site, without its content; null if there is none. */
async function present(
  context: IContextInside
): Promise<Contents.IModel | null> {
  try {
    return await context._manager.contents.get(context.path, {
      content: false,
      hash: true,
      contentProviderId: context._contentProviderId
    });
  } catch (error) {
    if (statusOf(error) === 404) {
      return null;
    }
    throw error;
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { response?: Response }).response?.status;
}

/** What the stock dialog is to say when the site, not the document, kept it from being saved. */
function inWords(
  error: Error,
  status: number | undefined,
  path: string,
  options: IOptions
): Error {
  const { message } = error;
  error.message = sentenceFor({ path, status: status ?? 0, message }, options);
  return error;
}

/**
 * Writes, and answers with the hash of what was written.
 *
 * Stock asks for it afterwards: a change that somebody made in between would then pass for what is on the screen.
 */
async function save(
  context: IContextInside,
  path: string,
  options: SaveOptions
): Promise<Contents.IModel> {
  const { contents } = context._manager;
  const contentProviderId = context._contentProviderId;
  const saved = await contents.save(path, { ...options, contentProviderId });
  if (saved.hash) {
    return saved;
  }
  const { hash, hash_algorithm } = await contents.get(path, {
    content: false,
    hash: true,
    contentProviderId
  });
  return { ...saved, hash, hash_algorithm };
}
