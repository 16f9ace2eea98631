// The line above a document whose share has ended: the text stays, and can be saved at home.
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMeshModel, ISharingMarks, ISharingState } from '../tokens';
import type { ISharingEvent } from './api';

import { PathExt } from '@jupyterlab/coreutils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import * as React from 'react';

import { stoppedWords } from './words';

/** Milliseconds between two looks whether the share is still there; events tell sooner. */
const INTERVAL = 60_000;

/** What a site answers about something that is no longer shared. */
const ENDED = [403, 404, 410];

interface IOptions {
  mesh: IMeshModel;
  marks: ISharingMarks;
  sharing: ISharingState;
  context: DocumentRegistry.Context;
  contents: Contents.IManager;
  /** True while somebody sees the document. */
  isSeen: () => boolean;
  /** Saves the text in the home of the user. */
  saveCopy: () => void;
  trans: TranslationBundle;
}

/** API path of the share that holds a path, or "" for what is not received. */
export function shareOf(path: string, mesh: Pick<IMeshModel, 'areas'>): string {
  const area = mesh.areas.find(({ name }) => name === 'shares');
  if (!area || !path.startsWith(`${area.path}/`)) {
    return '';
  }
  const [name] = path.slice(area.path.length + 1).split('/');
  return `${area.path}/${name}`;
}

/** Takes no room until the share is gone. Disposed with the document. */
export class RevokedLine extends ReactWidget {
  constructor(private _options: IOptions) {
    super();
    this.addClass('jp-MeshUnsaved');
    this.hide();
    const { context, sharing, marks, isSeen } = _options;
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:revoked',
      factory: () => this._look(),
      frequency: { interval: INTERVAL, backoff: false },
      standby: () => (isSeen() ? 'when-hidden' : true)
    });
    sharing.changed.connect(this._onChanged, this);
    context.saveState.connect(this._onSave, this);
    context.model.stateChanged.connect(this.update, this);
    context.pathChanged.connect(this._start, this);
    marks.look();
    this._start();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      this._options.sharing.changed.disconnect(this._onChanged, this);
      super.dispose();
    }
  }

  protected override render(): JSX.Element | null {
    if (!this._isGone) {
      return null;
    }
    const { context, marks, trans, saveCopy } = this._options;
    const share = shareOf(context.path, this._options.mesh);
    const name = PathExt.basename(share);
    const owner = marks.from(share);
    const what = owner
      ? stoppedWords(owner, name, trans)
      : trans.__('"%1" is no longer shared with you.', name);
    const kept = context.model.dirty
      ? trans.__('Your unsaved text is here.')
      : trans.__('What you had opened is still here.');
    const text = trans.__('%1 %2', what, kept);
    return (
      <div role="alert">
        <span title={text}>{text}</span>
        <button className="jp-mod-styled jp-mod-accept" onClick={saveCopy}>
          {trans.__('Save a copy to Home')}
        </button>
      </div>
    );
  }

  private _start(): void {
    if (shareOf(this._options.context.path, this._options.mesh)) {
      void this._poll.start();
    } else {
      void this._poll.stop();
      this._set(false);
    }
  }

  private _onChanged(_: ISharingState, event: ISharingEvent): void {
    if (event.what === 'received' || event.what === 'projects') {
      this._lookNow();
    }
  }

  private _onSave(_: unknown, state: DocumentRegistry.SaveState): void {
    if (state === 'failed') {
      this._lookNow();
    }
  }

  private _lookNow(): void {
    if (shareOf(this._options.context.path, this._options.mesh)) {
      void this._poll.refresh();
    }
  }

  /** Asks for the document, then for the share: a file that was deleted is another matter. */
  private async _look(): Promise<void> {
    const { context, mesh } = this._options;
    const share = shareOf(context.path, mesh);
    const isGone =
      (await this._isEnded(context.path)) && (await this._isEnded(share));
    if (!this.isDisposed && share === shareOf(context.path, mesh)) {
      this._set(isGone);
    }
  }

  private async _isEnded(path: string): Promise<boolean> {
    try {
      await this._options.contents.get(path, { content: false });
      return false;
    } catch (error) {
      const { response } = error as { response?: Response };
      if (response && ENDED.includes(response.status)) {
        return true;
      }
      // Nothing is known of a site that is away.
      return this._isGone;
    }
  }

  private _set(isGone: boolean): void {
    if (isGone !== this._isGone) {
      this._isGone = isGone;
      this.setHidden(!isGone);
      this.update();
    }
  }

  private _isGone = false;
  private _poll: Poll;
}
