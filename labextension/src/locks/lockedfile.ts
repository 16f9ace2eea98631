// A document that somebody else is editing: says who, and comes back to life when they have finished.
import type {
  IDocumentWidget,
  DocumentRegistry
} from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { PanelLayout } from '@lumino/widgets';

import { Notification } from '@jupyterlab/apputils';
import { Poll } from '@lumino/polling';
import { Widget } from '@lumino/widgets';

import { foreignLock } from './lock';
import type { ILock } from './lock';

/** Milliseconds between two looks whether the lock is still there. */
const INTERVAL = 10_000;

/** The item in the toolbar that JupyterLab shows for a read-only file, without a reason. */
const STOCK_ITEM = 'read-only-indicator';

const ITEM = 'mesh-lock';

/** Watches one open document while it is locked. Disposed with the document. */
export class LockedFile implements IDisposable {
  constructor(
    private _widget: IDocumentWidget,
    private _context: DocumentRegistry.IContext<DocumentRegistry.IModel>,
    private _contents: Contents.IManager,
    private _trans: TranslationBundle
  ) {
    this._poll = new Poll({
      auto: false,
      name: '@jupyter-mesh/labextension:lock',
      factory: () => this.look(),
      frequency: { interval: INTERVAL, backoff: true, max: 10 * INTERVAL },
      standby: () => (this._widget.isVisible ? 'when-hidden' : true)
    });
    _widget.disposed.connect(this.dispose, this);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
  }

  /** Asks the site who holds the file, and shows it. Rejects if the site cannot be asked. */
  async look(): Promise<void> {
    const model = await this._contents.get(this._context.path, {
      content: false
    });
    if (this.isDisposed || this._context.isDisposed) {
      return;
    }
    const lock = foreignLock(model);
    if (lock) {
      this._show(lock);
      if (!this._isLocked) {
        this._isLocked = true;
        await this._poll.start();
      }
    } else if (this._isLocked) {
      this._isLocked = false;
      await this._poll.stop();
      await this._end(model);
    }
  }

  private _show(lock: ILock): void {
    this._remove(STOCK_ITEM);
    const text = lock.holder
      ? this._trans.__(
          '%1 is editing this file: you can read it, but not save it.',
          lock.holder
        )
      : this._trans.__(
          'Somebody else is editing this file: you can read it, but not save it.'
        );
    if (!this._item || this._item.isDisposed) {
      this._item = new Widget();
      this._item.addClass('jp-MeshLock');
      this._item.node.setAttribute('role', 'status');
      this._widget.toolbar.insertItem(0, ITEM, this._item);
    }
    if (this._item.node.textContent !== text) {
      this._item.node.textContent = text;
      this._item.node.title = text;
    }
  }

  /** The file is free again: takes over what the other has saved, unless something was typed meanwhile. */
  private async _end(model: Contents.IModel): Promise<void> {
    this._item?.dispose();
    this._item = null;
    if (!model.writable) {
      return;
    }
    const { _context: context } = this;
    if (context.model.dirty || context.model.collaborative) {
      // The hash stays that of what was read: saving asks before it replaces what the other has saved.
      const facts = context as unknown as { _contentsModel?: Contents.IModel };
      if (facts._contentsModel) {
        facts._contentsModel = { ...facts._contentsModel, writable: true };
      }
    } else {
      await context.revert();
    }
    Notification.info(this._trans.__('"%1" can be edited again.', model.name), {
      autoClose: 5000
    });
  }

  private _remove(name: string): void {
    const { toolbar } = this._widget;
    const index = Array.from(toolbar.names()).indexOf(name);
    if (index !== -1) {
      (toolbar.layout as PanelLayout).widgets[index].dispose();
    }
  }

  private _poll: Poll;
  private _isLocked = false;
  private _item: Widget | null = null;
}
