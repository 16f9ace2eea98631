// The text of an open document, written beside its file.
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { PathExt } from '@jupyterlab/coreutils';

/** What is used of the private side of Context. */
interface IContextInside {
  readonly path: string;
  _manager: { contents: Contents.IManager };
  _createSaveOptions(): Partial<Contents.IModel>;
}

/** How often a copy is brought up to date with what is still being typed or printed. */
const COPY_TRIES = 5;

/**
 * Writes the user's version beside the file, or into another folder, under a name that is free. Answers its path.
 *
 * What is typed while it is written goes into it as well, since the document is loaded anew afterwards.
 */
export async function saveCopyOf(
  context: DocumentRegistry.Context | IContextInside,
  trans: TranslationBundle,
  folder = PathExt.dirname(context.path)
): Promise<string> {
  const inside = context as unknown as IContextInside;
  const { contents } = inside._manager;
  const extension = PathExt.extname(context.path);
  const stem = PathExt.basename(context.path, extension);
  let name = `${trans.__('%1 (my version)', stem)}${extension}`;
  // The server lets nothing be replaced where it was just found that nothing is.
  for (let count = 2; await exists(contents, folder, name); count++) {
    name = `${trans.__('%1 (my version %2)', stem, count)}${extension}`;
  }
  const path = PathExt.join(folder, name);
  let mine = inside._createSaveOptions();
  for (let tries = 0; tries < COPY_TRIES; tries++) {
    await contents.save(path, { ...mine, name, path });
    const now = inside._createSaveOptions();
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
