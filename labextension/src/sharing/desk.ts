// Where the share dialog is opened: one at a time, with the requests it needs.
import type { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Abilities, IPlace, ISharingEvent } from './api';
import type { IMeshModel, ISharingState } from '../tokens';

import * as api from './api';
import { NEW_LINK, ShareModel } from './model';
import { formatSince } from '../format';

/** Where the focus goes first. */
export type FirstFocus = 'search' | 'access' | 'link';

interface IOptions {
  mesh: IMeshModel;
  sharing: ISharingState;
  settings: ServerConnection.ISettings;
  canInvite: () => boolean;
  /** Invites somebody; resolves when that is over. */
  invite: () => Promise<unknown>;
  /** Gives the keyboard to what is in front, when what had it is gone. */
  focusElsewhere: () => void;
  trans: TranslationBundle;
}

/** Until a site has said otherwise it is asked, and says itself what it cannot do. */
const ANYTHING = new Proxy({} as Abilities, {
  get: () => ({ can: true, why: '' })
});

/** Opens the dialog and keeps it up to date while it is open. */
export class ShareDesk {
  constructor(private _options: IOptions) {}

  /** Shows the dialog until the user closes it; it comes back after an invitation, with what was typed. */
  async open(place: IPlace, focus: FirstFocus): Promise<void> {
    if (this._model) {
      return;
    }
    const { mesh, sharing } = this._options;
    const before = document.activeElement;
    this._model = this._newModel(place);
    if (focus === 'link') {
      this._model.openForm(NEW_LINK);
    }
    sharing.changed.connect(this._onChanged, this);
    mesh.stateChanged.connect(this._onSite, this);
    try {
      void this._model.refresh();
      while (await this._show(this._model, focus)) {
        await this._options.invite();
      }
    } finally {
      sharing.changed.disconnect(this._onChanged, this);
      mesh.stateChanged.disconnect(this._onSite, this);
      this._model.dispose();
      this._model = null;
      this._giveBackFocus(before);
    }
  }

  /** Shows the dialog once; true if the user wants to invite somebody. */
  private async _show(model: ShareModel, focus: FirstFocus): Promise<boolean> {
    const { mesh, sharing, settings, trans, canInvite } = this._options;
    const { ShareDialog } = await import('./dialog');
    let isInviting = false;
    const dialog = new ShareDialog(model, {
      search: (text, signal) => api.searchPeople(settings, text, signal),
      ownSite: mesh.status?.site.title ?? '',
      offline: () => this._offline(),
      onInvite:
        canInvite() && sharing.can('invitations')
          ? () => {
              isInviting = true;
              dialog.reject();
            }
          : null,
      focus,
      trans
    });
    await dialog.launch();
    return isInviting;
  }

  private _newModel(place: IPlace): ShareModel {
    const { mesh, sharing, settings } = this._options;
    return new ShareModel(place, {
      access: path => api.fetchAccess(settings, path),
      abilities: async () => {
        await sharing.load();
        return sharing.abilities ?? ANYTHING;
      },
      share: request => api.createShare(settings, request),
      update: (id, change) => api.updateShare(settings, id, change),
      remove: id => api.removeShare(settings, id),
      createLink: request => api.createLink(settings, request),
      updateLink: (id, change) => api.updateLink(settings, id, change),
      removeLink: id => api.removeLink(settings, id),
      noteFailure: error => mesh.noteFailure(error)
    });
  }

  private _offline(): string {
    const { mesh, trans } = this._options;
    const { status } = mesh;
    return status?.state === 'offline'
      ? trans.__(
          '%1 does not answer since %2. What you see may be old; nothing can be changed now.',
          status.site.title,
          formatSince(new Date(status.since))
        )
      : '';
  }

  private _onChanged(_: ISharingState, event: ISharingEvent): void {
    this._model?.note(event);
  }

  private _onSite(): void {
    this._model?.stateChanged.emit();
  }

  /** What had the focus may have been drawn anew, as rows are. */
  private _giveBackFocus(before: Element | null): void {
    const isThere = before?.isConnected && before !== document.body;
    if (isThere && before instanceof HTMLElement) {
      before.focus();
    } else if (document.activeElement === document.body) {
      this._options.focusElsewhere();
    }
  }

  private _model: ShareModel | null = null;
}
