// "↑ 1 upload 43 %" in the status bar.
import type { TranslationBundle } from '@jupyterlab/translation';

import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { TransfersModel } from './model';
import { summaryOf } from './words';

/** What runs, and what has failed. Opens the list. */
export class TransferStatus extends VDomRenderer<TransfersModel> {
  /** The model belongs to the caller. */
  constructor(
    model: TransfersModel,
    private _trans: TranslationBundle,
    private _onClick: () => void
  ) {
    super(model);
    this.addClass('jp-MeshStatusItem');
  }

  protected override render(): JSX.Element | null {
    const text = summaryOf(this.model.items, this._trans);
    return text ? (
      <button
        title={this._trans.__('%1. Show the transfers.', text)}
        onClick={this._onClick}
      >
        {text}
      </button>
    ) : null;
  }
}
