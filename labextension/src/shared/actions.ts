// Answers to what others share, and what is asked before some of them.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IReceived, IShare } from '../sharing/api';
import type { SharedModel } from './model';
import type { IOwnRow } from './own';

import {
  Dialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';

import type { IMenuItem } from '../lists/menu';
import { nameOf } from '../sharing/words';

/** Milliseconds for which taking back an answer is offered. */
const UNDO = 8000;

/** Asks the questions, and says what came of the answers. Nothing here rejects. */
export class SharedActions {
  constructor(private _options: SharedActions.IOptions) {}

  /** Accepts; then the keyboard goes to the next one that waits, else to what was accepted. */
  async accept(item: IReceived): Promise<void> {
    const { model, focus } = this._options;
    const accepted = await model.answer(item, 'accepted');
    if (accepted) {
      focus(model.parts.pending[0]?.id ?? accepted.id);
    }
  }

  /** Declines, and offers the way back. */
  async decline(item: IReceived): Promise<void> {
    const { model, trans } = this._options;
    const declined = await model.answer(item, 'declined');
    if (!declined) {
      return;
    }
    Notification.emit(trans.__('"%1" declined.', item.name), 'default', {
      autoClose: UNDO,
      actions: [
        {
          label: trans.__('Undo'),
          callback: () => void this._takeBack(declined)
        }
      ]
    });
  }

  async open(item: IReceived): Promise<void> {
    const { model, trans, openPath } = this._options;
    if (item.path) {
      await openPath(item.path);
      return;
    }
    void model.refresh();
    await showErrorMessage(
      trans.__('"%1" cannot be opened', item.name),
      trans.__(
        'It is accepted, and not among your files yet. Try again in a moment.'
      )
    );
  }

  /** What one can do with something besides opening it. */
  menuOf(item: IReceived): IMenuItem[] {
    const { model, trans } = this._options;
    const items: IMenuItem[] = [];
    if (item.state === 'accepted') {
      items.push({
        label: trans.__('Open'),
        execute: () => void this.open(item)
      });
    } else {
      items.push({
        label: trans.__('Accept'),
        execute: () => void this.accept(item)
      });
    }
    items.push(
      item.hidden
        ? {
            label: trans.__('Show Again'),
            execute: () => void model.hide(item, false)
          }
        : {
            label: trans.__('Hide'),
            execute: () => void model.hide(item, true)
          }
    );
    if (item.state === 'accepted') {
      items.push({
        label: trans.__('Leave…'),
        execute: () => void this.leave(item),
        isApart: true
      });
    }
    return items;
  }

  /** Says what leaving does, then leaves. */
  async leave(item: IReceived): Promise<void> {
    const { model, trans } = this._options;
    const { button } = await showDialog({
      title: trans.__('Leave "%1"?', item.name),
      body: trans.__(
        'It goes from your files. Everything stays as it is with %1, with what you have changed there; nothing is deleted.',
        nameOf(item.owner, trans)
      ),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Leave') })
      ]
    });
    if (button.accept) {
      await model.leave(item);
    }
  }

  /** Shows who has access; of what is not among the user's files any more there is only an end. */
  async share(row: IOwnRow): Promise<void> {
    const { trans, share } = this._options;
    if (row.path) {
      await share(row.path);
      return;
    }
    const { button } = await showDialog({
      title: trans.__('Stop sharing "%1"?', row.name),
      body: trans.__(
        'It is not among your files any more. Nobody will have access to it through you; copies already taken stay with those who took them.'
      ),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Stop sharing') })
      ]
    });
    if (button.accept) {
      await this._stop(row.shares);
    }
  }

  private async _stop(shares: readonly IShare[]): Promise<void> {
    const { model, trans, removeShare } = this._options;
    const ends = await Promise.allSettled(
      shares.map(share => removeShare(share.id))
    );
    await model.refresh();
    const failed = ends.find(end => end.status === 'rejected');
    if (failed) {
      await showErrorMessage(
        trans.__('Still shared with somebody'),
        failed.reason as Error
      );
    }
  }

  private async _takeBack(item: IReceived): Promise<void> {
    const { model, trans, focus } = this._options;
    if (await model.answer(item, 'pending')) {
      focus(item.id);
      return;
    }
    await showErrorMessage(
      trans.__('"%1" stays declined', item.name),
      trans.__(
        'This site does not let an answer be taken back. You find it below "Hidden and declined", and can accept it there.'
      )
    );
  }
}

export namespace SharedActions {
  export interface IOptions {
    model: SharedModel;
    trans: TranslationBundle;
    /** Gives the keyboard to the row of something. */
    focus: (id: string) => void;
    openPath: (path: string) => Promise<unknown>;
    /** Opens the dialog that shares. */
    share: (path: string) => Promise<unknown>;
    removeShare: (id: string) => Promise<unknown>;
  }
}
