// The folder that the Mesh browser shows.
import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';

import { PathExt } from '@jupyterlab/coreutils';
import { FilterFileBrowserModel } from '@jupyterlab/filebrowser';
import { Signal } from '@lumino/signaling';

/** Milliseconds that a folder may take before the panel shows that it waits. */
const PATIENCE = 150;

/** A file browser model that stays below one folder and tells what it waits for and what failed. */
export class MeshBrowserModel extends FilterFileBrowserModel {
  constructor(options: MeshBrowserModel.IOptions) {
    // Without the leading slash the base class takes its root for a relative path, and loops on 404.
    super({ ...options, root: options.root ? `/${options.root}` : '' });
    this._base = options.root;
    this._start = options.start;
    this._database = options.state;
    this._options = options;
    super.connectionFailure.connect(this._onFailure, this);
    this.refreshed.connect(this._emitChanged, this);
  }

  /** Emitted when a folder cannot be read, unless it is gone: that is said in place, without a dialog. */
  override get connectionFailure(): ISignal<this, Error> {
    return this._siteFailure;
  }

  /** Emitted when anything that is told here, or the listing, has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The folder that is being opened, or null. A refresh of the open folder does not count. */
  get opening(): string | null {
    return this._opening;
  }

  /** True when a folder has been opening for a noticeable time. */
  get isSlow(): boolean {
    return this._isSlow;
  }

  /** True once a folder could be read. */
  get isPopulated(): boolean {
    return this._isPopulated;
  }

  /** False if nothing can be put into the open folder. True until that is known. */
  get isWritable(): boolean {
    return this._isWritable;
  }

  /** True if there is no row to show. */
  get isEmpty(): boolean {
    return this.items().next().done === true;
  }

  /** True if a filter hides all that the folder holds. */
  get isFiltered(): boolean {
    return this._count > 0 && this.isEmpty;
  }

  /** Why the folder could not be read the last time, or "". */
  get failure(): string {
    return this._failure;
  }

  /** True while what failed is over: the folder is gone, and another one is shown. */
  get isGone(): boolean {
    return this._failure !== '' && this._refuge !== null;
  }

  /** Says no longer that a folder is gone. */
  dismiss(): void {
    this._failure = '';
    this._refuge = null;
    this._emitChanged();
  }

  override dispose(): void {
    clearTimeout(this._timer);
    super.dispose();
  }

  /**
   * Opens a folder, else that of the last visit, else the first area. Reads nothing before it is called.
   *
   * Whoever goes somewhere meanwhile, by a link, stays there.
   */
  async open(id: string, path?: string): Promise<void> {
    const moves = this._moves;
    await this.restore(id, false);
    const target = path ?? (await this._lastPath(id)) ?? this._start;
    if (moves === this._moves) {
      await this.cd(`/${PathExt.removeSlash(target)}`);
    }
  }

  override async cd(path = '.'): Promise<void> {
    if (path === '.' || path === '') {
      return super.cd('.');
    }
    this._moves += 1;
    // Paths of the state database and of links are absolute without a slash; the base class would look
    // for them below the open folder.
    const isAbsolute =
      this._base && (path === this._base || path.startsWith(`${this._base}/`));
    // The base class leaves a folder that is gone for its root, which is no place to be.
    const refuge = this._isLeaving ? this._refuge : '';
    this._isLeaving = false;
    const target = refuge ? `/${refuge}` : isAbsolute ? `/${path}` : path;
    this._setOpening(
      this.manager.services.contents.resolvePath(this.path, target)
    );
    try {
      await super.cd(target);
    } finally {
      this._setOpening(null);
    }
  }

  protected override handleContents(contents: Contents.IModel): void {
    super.handleContents(contents);
    const items = contents.content as Contents.IModel[];
    this._isPopulated = true;
    this._isWritable = contents.writable;
    this._count = items.filter(
      item => this.includeHiddenFiles || !item.name.startsWith('.')
    ).length;
    if (this._isGone) {
      this._failure = this._options.ended(this._lost, items) || this._failure;
    } else if (contents.path !== this._refuge) {
      this._failure = '';
      this._refuge = null;
    }
    this._isGone = false;
  }

  /** The folder of the last visit, if it is still there. */
  private async _lastPath(id: string): Promise<string | undefined> {
    const saved = await this._database?.fetch(`file-browser-${id}:cwd`);
    const path = (saved as { path?: string } | undefined)?.path;
    if (path) {
      try {
        await this.manager.services.contents.get(path, { content: false });
        return path;
      } catch {
        // It is gone or the site is away: opening the first area will tell which.
      }
    }
    return undefined;
  }

  private _setOpening(path: string | null): void {
    clearTimeout(this._timer);
    this._opening = path;
    this._isSlow = false;
    if (path !== null) {
      this._timer = setTimeout(() => {
        this._isSlow = true;
        this._emitChanged();
      }, PATIENCE);
    }
    this._emitChanged();
  }

  private _onFailure(_: unknown, error: Error): void {
    const status = (error as Partial<ServerConnection.ResponseError>).response
      ?.status;
    if (status === 404) {
      // Another folder can be read: what happened has to stay on the screen.
      this._lost = this._opening ?? this.path;
      this._isGone = true;
      this._isLeaving = true;
      this._refuge = this._options.refuge(this._lost);
      this._failure = this._options.trans.__(
        '"%1" is no longer here.',
        PathExt.basename(this._lost)
      );
    } else {
      this._isGone = false;
      this._refuge = null;
      this._failure = error.message;
      this._siteFailure.emit(error);
    }
    this._emitChanged();
  }

  private _emitChanged(): void {
    if (!this.isDisposed) {
      this._changed.emit();
    }
  }

  private _base: string;
  private _start: string;
  private _database: MeshBrowserModel.IOptions['state'];
  private _changed = new Signal<this, void>(this);
  /** How often somebody went to another folder. */
  private _moves = 0;
  private _opening: string | null = null;
  private _isSlow = false;
  private _isPopulated = false;
  private _isWritable = true;
  private _count = 0;
  private _failure = '';
  private _isGone = false;
  private _isLeaving = false;
  /** API path of the folder that is gone. */
  private _lost = '';
  private _siteFailure = new Signal<this, Error>(this);
  private _options: MeshBrowserModel.IOptions;
  /** The folder shown in place of one that is gone, as long as that is said. */
  private _refuge: string | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

export namespace MeshBrowserModel {
  export interface IOptions extends FilterFileBrowserModel.IOptions {
    /** API path of the folder to stay below; "" for the whole tree. */
    root: string;
    /** API path of the folder to open first. */
    start: string;
    /** API path of the folder to show in place of one that is gone: never that one; "" for the root. */
    refuge: (path: string) => string;
    /** Why a folder is gone, where that is known, as the one that is shown instead has these entries; else "". */
    ended: (path: string, items: readonly Contents.IModel[]) => string;
    trans: TranslationBundle;
  }
}
