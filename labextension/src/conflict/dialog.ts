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

import { askUntilSure } from './question';
import type { IMeshModel, IUnsaved, RoomAction } from '../tokens';
import { sentenceFor } from '../rooms/unsaved';

type SaveOptions = Partial<Contents.IModel>;

/** What is used of the private side of Context. */
interface IContextInside {
  readonly path: string;
  readonly isDisposed: boolean;
  readonly model: { readonly collaborative: boolean };
  revert(): Promise<void>;
  _manager: { contents: Contents.IManager };
  _contentProviderId?: string;
  _conflictModalIsOpen: boolean;
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

/** How often a copy is brought up to date with what is still being typed or printed. */
const COPY_TRIES = 5;

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

  // A change that happens between the look and the write is answered with 412: the same question.
  proto._maybeSave = async function (saveOptions) {
    if (mesh.contains(this.path) && this.model.collaborative) {
      return saveInRoom(this, saveOptions, options);
    }
    try {
      return await stock.maybeSave.call(this, saveOptions);
    } catch (error) {
      const status = (error as { response?: Response }).response?.status;
      if (!mesh.contains(this.path)) {
        throw error;
      }
      if (status !== 412) {
        throw inWords(error as Error, status, this.path, options);
      }
      const theirs = await this._manager.contents.get(this.path, {
        content: false,
        hash: true
      });
      return this._raiseConflict(theirs, saveOptions);
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
        return await save(this, this.path, this._createSaveOptions());
      }
      if (choice === 'copy') {
        const copy = await saveCopy(this, trans);
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
    context._conflictModalIsOpen = false;
    return context._raiseConflict(now, {});
  }
  if (unsaved) {
    throw new Error(sentenceFor(unsaved, options));
  }
  return now;
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

/** Writes, and takes over the hash of what was written as the stock save does. */
async function save(
  context: IContextInside,
  path: string,
  options: SaveOptions
): Promise<Contents.IModel> {
  const { contents } = context._manager;
  const contentProviderId = context._contentProviderId;
  const saved = await contents.save(path, { ...options, contentProviderId });
  const { hash, hash_algorithm } = await contents.get(path, {
    content: false,
    hash: true,
    contentProviderId
  });
  return { ...saved, hash, hash_algorithm };
}

/** Writes the text of a document beside its file, under a name that is free. Answers its path. */
export function saveCopyOf(
  context: DocumentRegistry.Context,
  trans: TranslationBundle
): Promise<string> {
  return saveCopy(context as unknown as IContextInside, trans);
}

/**
 * Writes the user's version beside the file, under a name that is free. Answers its path.
 *
 * What is typed while it is written goes into it as well, since the document is loaded anew afterwards.
 */
async function saveCopy(
  context: IContextInside,
  trans: TranslationBundle
): Promise<string> {
  const { contents } = context._manager;
  const folder = PathExt.dirname(context.path);
  const extension = PathExt.extname(context.path);
  const stem = PathExt.basename(context.path, extension);
  let name = `${trans.__('%1 (my version)', stem)}${extension}`;
  // The server lets nothing be replaced where it was just found that nothing is.
  for (let count = 2; await exists(contents, folder, name); count++) {
    name = `${trans.__('%1 (my version %2)', stem, count)}${extension}`;
  }
  const path = PathExt.join(folder, name);
  let mine = context._createSaveOptions();
  for (let tries = 0; tries < COPY_TRIES; tries++) {
    await contents.save(path, { ...mine, name, path });
    const now = context._createSaveOptions();
    if (JSON.stringify(now.content) === JSON.stringify(mine.content)) {
      return path;
    }
    mine = now;
  }
  throw new Error(
    trans.__(
      '"%1" goes on changing. Most of your version is in "%2"; stop what runs here, then save again.',
      PathExt.basename(context.path),
      name
    )
  );
}

async function exists(
  contents: Contents.IManager,
  folder: string,
  name: string
): Promise<boolean> {
  try {
    await contents.get(PathExt.join(folder, name), { content: false });
    return true;
  } catch (error) {
    if ((error as { response?: Response }).response?.status === 404) {
      return false;
    }
    throw error;
  }
}
