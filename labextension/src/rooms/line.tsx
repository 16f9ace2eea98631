// The line above a document that is not saved.
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IMeshModel } from '../tokens';
import type { UnsavedModel } from './unsaved';

import { isOfSite, sentenceFor } from './unsaved';

interface IOptions {
  mesh: IMeshModel;
  context: DocumentRegistry.Context;
  trans: TranslationBundle;
  /** Signs in again at the site. */
  signIn: () => void;
  /** Saves the text beside the file. */
  saveCopy: () => void;
}

/**
 * Says why a document is not saved and what can be done; takes no room otherwise.
 *
 * Of a document that this browser saves itself Lab has told the reason; the line stays while the site is at fault.
 */
export class UnsavedLine extends VDomRenderer<UnsavedModel> {
  /** The model belongs to the caller. */
  constructor(
    model: UnsavedModel,
    private _options: IOptions
  ) {
    super(model);
    this.addClass('jp-MeshUnsaved');
    this.hide();
    const { context } = this._options;
    context.model.stateChanged.connect(this.update, this);
    context.pathChanged.connect(this._ask, this);
    void context.ready.then(() => this._ask());
  }

  protected override render(): JSX.Element | null {
    const { context, trans } = this._options;
    const unsaved = this.model.get(context.path);
    const { collaborative, dirty } = context.model;
    if (!unsaved || !(collaborative || (dirty && isOfSite(unsaved)))) {
      this.hide();
      return null;
    }
    this.show();
    const text = sentenceFor(unsaved, this._options);
    return (
      <div role="alert" data-status={unsaved.status}>
        <span title={text}>{text}</span>
        {this._buttons(unsaved.status).map(([label, onClick]) => (
          <button
            key={label}
            className="jp-mod-styled jp-mod-reject"
            onClick={onClick}
          >
            {label}
          </button>
        ))}
        <span className="jp-MeshUnsaved-since">
          {trans.__(
            'since %1',
            new Date(unsaved.since).toLocaleTimeString([], {
              hour: '2-digit',
              minute: '2-digit'
            })
          )}
        </span>
      </div>
    );
  }

  private _buttons(status: number): [string, () => void][] {
    const { trans, signIn, saveCopy } = this._options;
    switch (status) {
      case 401:
        return [
          [trans.__('Sign in again'), signIn],
          [trans.__('Retry'), this._save]
        ];
      case 412:
        // The dialog of a save has the choices.
        return [[trans.__('Decide…'), this._save]];
      case 403:
      case 404:
      case 423:
        return [
          [trans.__('Save mine as a copy'), saveCopy],
          [trans.__('Retry'), this._save]
        ];
      default:
        return [[trans.__('Retry'), this._save]];
    }
  }

  private _save = (): void => {
    // What fails is shown by the save itself.
    this._options.context.save().catch(() => undefined);
  };

  private _ask(): void {
    const { context } = this._options;
    if (context.model.collaborative) {
      void this.model.load(context.path);
    }
  }
}
