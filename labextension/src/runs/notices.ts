// Runs as notifications: how far they are, and in the end the way to the result.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { IRun } from './api';
import type { IRunChange, RunsModel } from './model';

import { Notification } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';

import { isActive, sentenceOf } from './words';

const KINDS = {
  waiting: 'in-progress',
  running: 'in-progress',
  done: 'success',
  failed: 'error',
  cancelled: 'warning'
} as const;

export interface INoticesOptions {
  model: RunsModel;
  open: (path: string) => void;
  tell: (error: unknown) => void;
  trans: TranslationBundle;
}

/**
 * One notification for each run.
 *
 * Who closes that of a run that goes on hears of it again at its end; who closes that of one that has ended knows.
 */
export class RunNotices implements IDisposable {
  constructor(private _options: INoticesOptions) {
    const { model } = _options;
    model.changed.connect(this._onChanged, this);
    model.forgotten.connect(this._onForgotten, this);
    Notification.manager.changed.connect(this._onNotice, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  private _onChanged(_: RunsModel, { run, before }: IRunChange): void {
    const { trans } = this._options;
    const options = {
      autoClose: false as const,
      actions: this._actions(run),
      ...(isActive(run) && run.total
        ? { progress: Math.min(1, run.done / run.total) }
        : {})
    };
    const message = sentenceOf(run, trans);
    const type = KINDS[run.state];
    const shown = this._shown.get(run.id);
    if (shown && Notification.manager.has(shown)) {
      Notification.update({ id: shown, message, type, ...options });
    } else if (!shown || (!isActive(run) && before && isActive(before))) {
      this._shown.set(run.id, Notification.emit(message, type, options));
    }
  }

  private _actions(run: IRun): Notification.IAction[] {
    const { model, open, tell, trans } = this._options;
    const actions: Notification.IAction[] = [];
    if (run.output && !isActive(run)) {
      actions.push({
        label: trans.__('Open'),
        caption: trans.__('Open the result'),
        displayType: 'accent',
        callback: () => open(run.output)
      });
    }
    if (isActive(run)) {
      actions.push({
        label: trans.__('Cancel'),
        caption: trans.__('Stop it. What it did until then is saved'),
        callback: event => {
          // The notification stays until the run has ended.
          event.preventDefault();
          model.stop(run.id).catch(tell);
        }
      });
    }
    return actions;
  }

  private _onForgotten(_: RunsModel, id: string): void {
    const shown = this._shown.get(id);
    this._shown.delete(id);
    if (shown && Notification.manager.has(shown)) {
      Notification.dismiss(shown);
    }
  }

  private _onNotice(
    _: unknown,
    { type, notification }: { type: string; notification: { id: string } }
  ): void {
    if (type !== 'removed') {
      return;
    }
    const { model, tell } = this._options;
    for (const [id, shown] of this._shown) {
      const run = model.items.find(each => each.id === id);
      if (shown === notification.id && run && !isActive(run)) {
        model.forget(id).catch(tell);
      }
    }
  }

  private _shown = new Map<string, string>();
  private _isDisposed = false;
}
