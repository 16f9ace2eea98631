// A dialog whose body is a form with buttons of its own: several steps, one after the other.
import { Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';

import { focusFirst } from './steps';

/** What can be reached with Tab. */
const TABBABLE =
  'button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), summary';

/** What a step of the body may ask of its dialog. */
export interface IFormControl {
  close: () => void;
  /** Escape belongs to a list that is open. */
  keepEscape: (isKept: boolean) => void;
}

/** Closed by Escape, by the cross, and by its body; Enter is left to the form that has the focus. */
export class FormDialog extends Dialog<unknown> {
  constructor(title: string, body: (control: IFormControl) => JSX.Element) {
    super({
      title,
      body: ReactWidget.create(
        body({
          close: () => this.reject(),
          keepEscape: isKept => {
            this._keepsEscape = isKept;
          }
        })
      ),
      buttons: [],
      hasClose: true
    });
    this.node.ariaLabel = title;
    this.addClass('jp-MeshForm');
    // A later step may be there by now, and have the keyboard.
    void this.ready.then(() => {
      if (!this.node.contains(document.activeElement)) {
        this._focusFirst();
      }
    });
  }

  /** Stock, Enter in a field closes the dialog, and Tab leaves it where its body has changed. */
  protected override _evtKeydown(event: KeyboardEvent): void {
    if (
      event.key === 'Enter' ||
      (event.key === 'Escape' && this._keepsEscape)
    ) {
      return;
    }
    if (event.key === 'Tab') {
      const stops = Array.from(
        this.node.querySelectorAll<HTMLElement>(TABBABLE)
      ).filter(node => node.tabIndex >= 0 && node.offsetParent !== null);
      const [from, to] = event.shiftKey
        ? [stops[0], stops[stops.length - 1]]
        : [stops[stops.length - 1], stops[0]];
      if (document.activeElement === from) {
        event.stopPropagation();
        event.preventDefault();
        to?.focus();
      }
      return;
    }
    super._evtKeydown(event);
  }

  /** Stock, the keyboard goes back to what had it at first, which a later step has no more. */
  protected override _evtFocus(event: FocusEvent): void {
    const target = event.target as HTMLElement;
    if (this.node.contains(target)) {
      this._focused = target;
      return;
    }
    event.stopPropagation();
    if (this._focused?.isConnected) {
      this._focused.focus();
    } else {
      this._focusFirst();
    }
  }

  private _focusFirst(): void {
    focusFirst(this.node.querySelector('.jp-Dialog-body'));
  }

  private _keepsEscape = false;
  private _focused: HTMLElement | null = null;
}
