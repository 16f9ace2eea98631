// The line in the status bar.
import type { IMeshModel } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { MeshModel } from './model';
import { describeState } from '../format';
import { meshIcon } from '../icons';

/** The site, and its state when there is something to say about it. Opens the panel. */
export class StatusItem extends VDomRenderer<MeshModel> {
  /** The model belongs to the caller. */
  constructor(
    model: IMeshModel,
    private _trans: TranslationBundle,
    private _onClick: () => void
  ) {
    super(model as MeshModel);
    this.addClass('jp-MeshStatusItem');
  }

  protected override render(): JSX.Element | null {
    const status = this.model.status;
    if (!status) {
      return null;
    }
    const state = describeState(status, this._trans);
    const text =
      status.state === 'online'
        ? status.site.title
        : this._trans.__('%1 · %2', status.site.title, state);
    return (
      <button
        data-state={status.state}
        title={this._trans.__(
          '%1: %2. Show the Mesh panel.',
          status.site.title,
          state
        )}
        onClick={this._onClick}
      >
        <meshIcon.react tag="span" height="12px" width="12px" />
        <span>{text}</span>
      </button>
    );
  }
}
