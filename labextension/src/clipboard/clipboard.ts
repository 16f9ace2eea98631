// One clipboard for all file browsers: the stock one belongs to each listing.
import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { IDocumentManager } from '@jupyterlab/docmanager';

import { PathExt } from '@jupyterlab/coreutils';
import { renameFile } from '@jupyterlab/docmanager';
import { DisposableDelegate } from '@lumino/disposable';

import type { IDisposable } from '@lumino/disposable';

/** What was cut or copied last, and where. */
interface IContent {
  source: FileBrowser;
  paths: string[];
  isCut: boolean;
}

/**
 * Lets what is cut or copied in one file browser be pasted into another.
 *
 * Inside one browser everything stays with the stock code; only a paste of what another browser holds is
 * done here, by the same calls to the document manager.
 */
export class SharedClipboard {
  /** `onError` gets the first failure of a paste. */
  constructor(
    private _manager: IDocumentManager,
    private _onError: (error: unknown) => void
  ) {}

  /** Makes a browser take part until it, or the result, is disposed. */
  add(browser: FileBrowser): IDisposable {
    const stock = {
      cut: browser.cut.bind(browser),
      copy: browser.copy.bind(browser),
      paste: browser.paste.bind(browser)
    };
    const take = (isCut: boolean): void => {
      const paths = Array.from(browser.selectedItems(), item => item.path);
      this._content = { source: browser, paths, isCut };
    };
    const shared: Pick<FileBrowser, 'cut' | 'copy' | 'paste'> = {
      cut: () => {
        stock.cut();
        take(true);
      },
      copy: () => {
        stock.copy();
        take(false);
      },
      paste: () => {
        const content = this._content;
        return content && content.source !== browser
          ? this._paste(content, browser.model.path)
          : stock.paste();
      }
    };
    Object.assign(browser, shared);
    const remove = new DisposableDelegate(() => {
      Object.assign(browser, stock);
      if (this._content?.source === browser) {
        this._content = null;
      }
    });
    browser.disposed.connect(remove.dispose, remove);
    return remove;
  }

  /** Copies or moves into a folder. What failed stays in the clipboard, so that it can be tried again. */
  private async _paste(content: IContent, folder: string): Promise<void> {
    if (content.isCut) {
      this._content = null;
    }
    const results = await Promise.allSettled(
      content.paths.map(async path => {
        if (content.isCut) {
          const target = PathExt.join(folder, PathExt.basename(path));
          if (target !== path) {
            await renameFile(this._manager, path, target);
          }
        } else {
          await this._manager.copy(path, folder);
        }
      })
    );
    const failed = content.paths.filter(
      (_, index) => results[index].status === 'rejected'
    );
    if (content.isCut && failed.length && !this._content) {
      this._content = { ...content, paths: failed };
    }
    const reasons = results.flatMap(result =>
      result.status === 'rejected' ? [result.reason as unknown] : []
    );
    // The stock "replace?" question rejects with this text when it is answered with no.
    const error = reasons.find(reason => reason !== 'File not renamed');
    if (error !== undefined) {
      this._onError(error);
    }
  }

  private _content: IContent | null = null;
}
