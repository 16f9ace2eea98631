// What one can do with contacts and invitations, with what is asked before.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IInvitation, IInvitationTexts, IPerson } from '../sharing/api';
import type { PeopleModel } from './model';
import type { IReadyInvitation } from './invite';

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { showErrorMessage } from '@jupyterlab/apputils';

import type { IMenuItem } from '../lists/menu';
import { nameOf } from '../sharing/words';
import { exactWords } from './words';

/** Asks the questions, and says what came of the answers. Nothing here rejects. */
export class PeopleActions {
  constructor(private _options: PeopleActions.IOptions) {}

  menuOf(person: IPerson): IMenuItem[] {
    const { trans } = this._options;
    return [
      {
        label: trans.__('Show E-Mail Address'),
        execute: () => void this.showEmail(person)
      },
      {
        label: trans.__('Remove…'),
        execute: () => void this.remove(person),
        isApart: true
      }
    ];
  }

  menuOfInvitation(invitation: IInvitation): IMenuItem[] {
    const { model, trans } = this._options;
    const items: IMenuItem[] = [
      {
        label: trans.__('Copy Again…'),
        execute: () => void this.copyAgain(invitation)
      },
      {
        label: trans.__('Details…'),
        execute: () => void this.showDetails(invitation)
      }
    ];
    if (model.canWithdraw) {
      items.push({
        label: trans.__('Withdraw…'),
        execute: () => void this.withdraw(invitation),
        isApart: true
      });
    }
    return items;
  }

  async showEmail(person: IPerson): Promise<void> {
    const { trans, fetchEmail } = this._options;
    const name = nameOf(person, trans);
    await this._attempt(
      trans.__('The e-mail address of %1 is not known', name),
      async () => {
        const email = await fetchEmail(person.key);
        const { button } = await showDialog({
          title: name,
          body: email || trans.__('Their site did not tell an e-mail address.'),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Close') }),
            ...(email ? [Dialog.okButton({ label: trans.__('Copy') })] : [])
          ]
        });
        if (button.accept) {
          Clipboard.copyToSystem(email);
        }
      }
    );
  }

  /** Says what removing does not do, then removes. */
  async remove(person: IPerson): Promise<void> {
    const { model, trans } = this._options;
    const name = nameOf(person, trans);
    const { button } = await showDialog({
      title: trans.__('Remove %1 from your contacts?', name),
      body: trans.__(
        'What you share with each other stays shared until one of you ends it, and you stay among the contacts of %1. To share something new you need a new invitation.',
        name
      ),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Remove') })
      ]
    });
    if (button.accept) {
      await this._attempt(trans.__('%1 was not removed', name), () =>
        model.remove(person)
      );
    }
  }

  /** Asks for the texts, which no list has, and shows them. */
  async copyAgain(invitation: IInvitation): Promise<void> {
    const { trans, fetchTexts, showTexts } = this._options;
    await this._attempt(
      trans.__('The invitation cannot be copied'),
      async () => {
        const texts = await fetchTexts(invitation.id);
        await showTexts({ ...texts, expires: invitation.expires });
      }
    );
  }

  async showDetails(invitation: IInvitation): Promise<void> {
    const { model, trans } = this._options;
    const lines = [trans.__('The code ends in "%1".', invitation.ends)];
    if (invitation.expires) {
      lines.push(
        trans.__('It is valid until %1 UTC.', exactWords(invitation.expires))
      );
    }
    if (!model.canWithdraw) {
      lines.push(trans.__('This site cannot withdraw it before that.'));
    }
    await showDialog({
      title: invitation.note || trans.__('Invitation without a note'),
      body: lines.join(' '),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
  }

  async withdraw(invitation: IInvitation): Promise<void> {
    const { model, trans } = this._options;
    const { button } = await showDialog({
      title: invitation.note
        ? trans.__('Withdraw the invitation for "%1"?', invitation.note)
        : trans.__('Withdraw this invitation?'),
      body: trans.__(
        'Whoever has it cannot accept it any more. Who has accepted it already stays your contact.'
      ),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Withdraw') })
      ]
    });
    if (button.accept) {
      await this._attempt(trans.__('The invitation is not withdrawn'), () =>
        model.withdraw(invitation)
      );
    }
  }

  private async _attempt(
    failed: string,
    act: () => Promise<void>
  ): Promise<void> {
    try {
      await act();
    } catch (error) {
      this._options.noteFailure(error);
      await showErrorMessage(failed, error as Error);
    }
  }
}

export namespace PeopleActions {
  export interface IOptions {
    model: PeopleModel;
    trans: TranslationBundle;
    fetchEmail: (key: string) => Promise<string>;
    fetchTexts: (id: string) => Promise<IInvitationTexts>;
    showTexts: (ready: IReadyInvitation) => Promise<void>;
    noteFailure: (error: unknown) => void;
  }
}
