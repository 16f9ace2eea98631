// The ways back from the bin, and the way out of it.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IBinItem } from '../past';

import {
  Dialog,
  InputDialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';

import type { BinModel } from './model';
import { formatBytes } from '../format';
import type { IMeshModel } from '../tokens';

/** Asks the questions, and says what came of the answers. */
export class BinActions {
  constructor(private _options: BinActions.IOptions) {
    const { root } = _options.mesh;
    this._below = root ? `${root}/` : '';
  }

  /** Puts an item back where it was, or at `to`, and says so. Never rejects. */
  async restoreRow(item: IBinItem, to?: string): Promise<void> {
    const { mesh, model, trans, refreshBrowsers } = this._options;
    // A double click asks for the same twice.
    if (this._restoring.has(item.key)) {
      return;
    }
    this._restoring.add(item.key);
    try {
      const path = await this.restore(model.area.path, item, to);
      if (path !== null) {
        model.forget(new Set([item.key]));
        Notification.success(
          trans.__('"%1" is back.', PathExt.basename(path)),
          {
            autoClose: 5000,
            actions: [
              { label: trans.__('Show'), callback: () => void this._show(path) }
            ]
          }
        );
        await Promise.all([refreshBrowsers(), model.refresh()]);
      }
    } catch (error) {
      mesh.noteFailure(error);
      void model.refresh();
      await showErrorMessage(
        trans.__('"%1" was not restored', item.name),
        error as Error
      );
    } finally {
      this._restoring.delete(item.key);
    }
  }

  private async _show(path: string): Promise<void> {
    const { mesh, show, trans } = this._options;
    try {
      await show(path);
    } catch (error) {
      mesh.noteFailure(error);
      await showErrorMessage(
        trans.__('"%1" cannot be shown', PathExt.basename(path)),
        error as Error
      );
    }
  }

  /** Asks where an item is to go, then puts it there. */
  async restoreElsewhere(item: IBinItem): Promise<void> {
    const { trans } = this._options;
    const to = await this._askPlace(
      item,
      trans.__('Where is it to go?'),
      item.path
    );
    if (to !== null) {
      await this.restoreRow(item, to);
    }
  }

  /** Puts something back, asking for another place as often as it takes. Null if the user gave up. */
  async restore(
    area: string,
    item: IBinItem,
    to?: string
  ): Promise<string | null> {
    const { restore, fetch, trans } = this._options;
    for (;;) {
      try {
        return await restore(area, item.key, to);
      } catch (error) {
        const taken = to ?? item.path;
        const folder = PathExt.dirname(taken).slice(this._below.length);
        const status = (error as { response?: Response }).response?.status;
        let next: string | null;
        if (status === 409) {
          const extension = PathExt.extname(item.name);
          const stem = PathExt.basename(item.name, extension);
          const name = `${trans.__('%1 (restored)', stem)}${extension}`;
          next = await this._askPlace(
            item,
            trans.__(
              'There is already a "%1" in "%2". Where is it to go?',
              PathExt.basename(taken),
              folder
            ),
            PathExt.join(PathExt.dirname(taken), name)
          );
        } else if (
          status === 404 &&
          (await fetch(area)).some(each => each.key === item.key)
        ) {
          next = await this._askPlace(
            item,
            trans.__(
              'The folder "%1" does not exist any more. Where is it to go?',
              folder
            ),
            PathExt.join(area, item.name)
          );
        } else {
          throw error;
        }
        if (next === null) {
          return null;
        }
        to = next;
      }
    }
  }

  /** Says what will be lost, then deletes it for ever. Never rejects. */
  async purge(items: readonly IBinItem[]): Promise<void> {
    const { mesh, model, trans } = this._options;
    if (this._isPurging) {
      return;
    }
    this._isPurging = true;
    try {
      if (!(await this._isSure(items))) {
        return;
      }
      const failed = await model.purge(items.map(item => item.key));
      if (failed.length) {
        await showErrorMessage(
          trans._n(
            '%1 thing was not deleted',
            '%1 things were not deleted',
            failed.length,
            failed.length
          ),
          failed[0].message
        );
      }
      // There is room again.
      void mesh.refresh(true);
    } catch (error) {
      mesh.noteFailure(error);
      await showErrorMessage(trans.__('Not deleted'), error as Error);
    } finally {
      this._isPurging = false;
    }
  }

  private async _isSure(items: readonly IBinItem[]): Promise<boolean> {
    const { model, trans } = this._options;
    const size = items.reduce((sum, item) => sum + item.size, 0);
    const count = trans._n(
      '%1 file or folder',
      '%1 files and folders',
      items.length,
      items.length
    );
    const name = items.length === 1 ? `"${items[0].name}"` : count;
    const { button } = await showDialog({
      title: trans.__('Delete %1 for ever?', name),
      body:
        size > 0
          ? trans.__(
              '%1 (%2) in the bin of "%3" will be lost, with all versions. This cannot be undone.',
              name,
              formatBytes(size),
              model.area.label
            )
          : trans.__(
              '%1 in the bin of "%2" will be lost, with all versions. This cannot be undone.',
              name,
              model.area.label
            ),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Delete for ever') })
      ]
    });
    return button.accept;
  }

  /** An API path from the user, who sees it without the root of the mesh; null if there is none. */
  private async _askPlace(
    item: IBinItem,
    label: string,
    suggested: string
  ): Promise<string | null> {
    const { trans } = this._options;
    const { value } = await InputDialog.getText({
      title: trans.__('Restore "%1" elsewhere', item.name),
      label,
      text: suggested.slice(this._below.length),
      okLabel: trans.__('Restore')
    });
    const place = value?.replace(/^\/+|\/+$/g, '');
    return place ? this._below + place : null;
  }

  private _below: string;
  /** Keys of what is being restored. */
  private _restoring = new Set<string>();
  private _isPurging = false;
}

export namespace BinActions {
  export interface IOptions {
    mesh: IMeshModel;
    model: BinModel;
    trans: TranslationBundle;
    fetch: (area: string) => Promise<IBinItem[]>;
    restore: (area: string, key: string, to?: string) => Promise<string>;
    /** Leads to what came back. */
    show: (path: string) => Promise<unknown>;
    /** Shows what came back where its folder is open. */
    refreshBrowsers: () => Promise<void>;
  }
}
