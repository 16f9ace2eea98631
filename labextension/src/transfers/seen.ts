// The section is there while there is something to show, and results stay until they were seen.
import type { Widget } from '@lumino/widgets';

import { DisposableSet } from '@lumino/disposable';
import type { IDisposable } from '@lumino/disposable';

import type { IMeshPanel } from '../tokens';
import type { Transfer } from './transfer';
import type { TransfersModel } from './model';

/** Milliseconds that something may take before it is worth a section. */
const PATIENCE = 700;

/** Milliseconds that a result is shown to somebody who looks. */
const READING = 5000;

/** What has to be shown at once. */
const URGENT: readonly Transfer['phase'][] = [
  'failed',
  'offline',
  'unfinished',
  'done'
];

/** Shows and hides the section, and takes results off the list. */
export class Seen implements IDisposable {
  /** Everything belongs to the caller. */
  constructor(
    private _model: TransfersModel,
    private _panel: IMeshPanel,
    private _section: Widget
  ) {
    this._model.stateChanged.connect(this._onChanged, this);
    this._model.ended.connect(this._onEnded, this);
    this._watch.add(this._model.watch(() => this._isSeen));
  }

  get isDisposed(): boolean {
    return this._watch.isDisposed;
  }

  dispose(): void {
    clearTimeout(this._patience);
    this._timers.forEach(timer => clearTimeout(timer));
    this._model.stateChanged.disconnect(this._onChanged, this);
    this._model.ended.disconnect(this._onEnded, this);
    this._watch.dispose();
  }

  private get _isSeen(): boolean {
    return this._section.isVisible && document.visibilityState === 'visible';
  }

  /** What was over before a section was worth it is seen where it was done: in the listing. */
  private _onEnded(_: TransfersModel, transfer: Transfer): void {
    if (transfer.phase === 'done' && !this._section.parent) {
      void this._model.remove(transfer);
    }
  }

  private _onChanged(): void {
    const { items } = this._model;
    if (!items.length) {
      this._hide();
    } else if (!this._section.parent) {
      if (items.some(item => URGENT.includes(item.phase))) {
        this._show();
      } else if (this._patience === undefined) {
        this._patience = setTimeout(() => {
          this._patience = undefined;
          if (this._model.items.length) {
            this._show();
          }
        }, PATIENCE);
      }
    }
    for (const item of items) {
      if (item.phase === 'done' && !this._timers.has(item) && this._isSeen) {
        this._timers.set(
          item,
          setTimeout(() => this._take(item), READING)
        );
      }
    }
  }

  private _show(): void {
    if (!this._section.parent) {
      this._panel.addSection(this._section);
    }
  }

  private _hide(): void {
    clearTimeout(this._patience);
    this._patience = undefined;
    if (this._section.parent) {
      const hadFocus = this._section.node.contains(document.activeElement);
      this._section.parent = null;
      if (hadFocus) {
        this._panel.browser.focusListing();
      }
    }
  }

  private _take(item: Transfer): void {
    this._timers.delete(item);
    // Not under the hands of somebody who is there with the keyboard.
    const hasFocus = this._section.node.contains(document.activeElement);
    if (this._isSeen && !hasFocus) {
      void this._model.remove(item);
    }
  }

  private _patience: ReturnType<typeof setTimeout> | undefined;
  private _timers = new Map<Transfer, ReturnType<typeof setTimeout>>();
  private _watch = new DisposableSet();
}
