// The share dialog: Lab's own, with the keys that its body needs.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ShareModel } from './model';

import { Dialog } from '@jupyterlab/apputils';
import { closeIcon, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ShareBody } from './view';
import type { IShareBodyOptions } from './view';
import type { FirstFocus } from './desk';

/** What can be reached with Tab. */
const TABBABLE =
  'button:not([disabled]), input:not([disabled]), select:not([disabled]), summary, a[href]';

/** Closed by Escape, the cross or its button; Enter is left to the form that has the focus. */
export class ShareDialog extends Dialog<unknown> {
  /** The model belongs to the caller. */
  constructor(
    private _model: ShareModel,
    options: IShareBodyOptions & { focus: FirstFocus }
  ) {
    const { trans, focus } = options;
    const body = new ShareBody(_model, options);
    const closing = { close: (): void => undefined };
    super({
      title: (
        <UseSignal signal={_model.stateChanged}>
          {() => (
            <Title
              text={titleOf(_model, trans)}
              onClose={() => closing.close()}
              trans={trans}
            />
          )}
        </UseSignal>
      ),
      body,
      buttons: [Dialog.cancelButton({ label: trans.__('Close') })]
    });
    closing.close = () => this.reject();
    this._content = body;
    this._trans = trans;
    this._focus = focus;
    this.addClass('jp-MeshShareDialog');
    this.node.ariaLabel = titleOf(_model, trans);
    _model.stateChanged.connect(this._onChanged, this);
    body.drawn.connect(this._keepFocus, this);
    void this.ready.then(() => {
      this._isReady = true;
      this._keepFocus();
    });
  }

  override dispose(): void {
    this._model.stateChanged.disconnect(this._onChanged, this);
    super.dispose();
  }

  /** Stock, Enter in any field closes the dialog, and Tab leaves it where its body has changed. */
  protected override _evtKeydown(event: KeyboardEvent): void {
    if (event.key === 'Enter') {
      return;
    }
    if (event.key === 'Tab') {
      this._keepFocusInside(event);
      return;
    }
    if (event.key === 'Escape') {
      if (this._content.isPickerOpen) {
        return;
      }
      if (this._model.closeInnermost()) {
        event.stopPropagation();
        event.preventDefault();
        return;
      }
    }
    super._evtKeydown(event);
  }

  private _keepFocusInside(event: KeyboardEvent): void {
    const stops = Array.from(
      this.node.querySelectorAll<HTMLElement>(TABBABLE)
    ).filter(node => node.tabIndex >= 0 && node.offsetParent !== null);
    const [from, to] = event.shiftKey
      ? [stops[0], stops[stops.length - 1]]
      : [stops[stops.length - 1], stops[0]];
    if (document.activeElement === from) {
      event.stopPropagation();
      event.preventDefault();
      to.focus();
    }
  }

  /**
   * What is to have the focus first comes with the answer of the server; until then the button has it.
   * Later on, what had it may be gone, with a row.
   */
  private _keepFocus(): void {
    const { node } = this._content;
    if (!this._isReady || this.isDisposed || !this._model.access) {
      return;
    }
    const isLost = document.activeElement === document.body;
    if (!this._isFocused || isLost) {
      const wanted =
        this._focus === 'search' && !this._isFocused
          ? 'form [role=combobox]'
          : '[data-first-focus]';
      const target =
        node.querySelector<HTMLElement>(wanted) ??
        node.querySelector<HTMLElement>('[data-first-focus]');
      if (isLost || !node.contains(document.activeElement)) {
        target?.focus();
      }
      this._isFocused = true;
    }
  }

  private _onChanged(): void {
    this.node.ariaLabel = titleOf(this._model, this._trans);
  }

  private _content: ShareBody;
  private _trans: TranslationBundle;
  private _focus: FirstFocus;
  /** Lab has put the focus where it puts it. */
  private _isReady = false;
  private _isFocused = false;
}

function titleOf(model: ShareModel, trans: TranslationBundle): string {
  return trans.__('Share "%1"', model.place.name);
}

function Title(props: {
  text: string;
  onClose: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <>
      <span className="jp-Dialog-title">{props.text}</span>
      <button
        type="button"
        className="jp-MeshShare-cross"
        aria-label={props.trans.__('Close')}
        title={props.trans.__('Close')}
        onClick={props.onClose}
      >
        <closeIcon.react tag="span" />
      </button>
    </>
  );
}
