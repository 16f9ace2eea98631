// The versions of one file, and which of them is looked at in which way.
import type { Contents } from '@jupyterlab/services';
import type { Comparison, IPast, IVersion, StateRef } from '../past';

import { VDomModel } from '@jupyterlab/ui-components';

/** How the chosen version is looked at. */
export type Look = 'preview' | 'file' | 'unsaved';

/** What is shown of the chosen version. */
export type Shown =
  | { kind: 'none' }
  | { kind: 'loading' }
  | { kind: 'comparison'; comparison: Comparison; id: string | null }
  | { kind: 'failure'; message: string };

/** Follows its file over changes, renames and its deletion. */
export class VersionsModel extends VDomModel {
  constructor(options: VersionsModel.IOptions) {
    super();
    this._path = options.path;
    this._options = options;
    options.contents.fileChanged.connect(this._onFileChanged, this);
  }

  get path(): string {
    return this._path;
  }

  /** Null until the server has answered once. */
  get past(): IPast | null {
    return this._past;
  }

  /** Why there is no list, or an older one than there could be; "" if all is well. */
  get failure(): string {
    return this._failure;
  }

  /** True once the file has been deleted. */
  get isGone(): boolean {
    return this._isGone;
  }

  get isLoading(): boolean {
    return this._isLoading;
  }

  /** The chosen version; null for the file as it is. */
  get chosen(): IVersion | null {
    return this._past?.versions.find(each => each.id === this._id) ?? null;
  }

  get look(): Look {
    return this._look;
  }

  get shown(): Shown {
    return this._shown;
  }

  /** True if the file is open here with changes that are not saved. */
  get hasUnsaved(): boolean {
    return this._options.unsaved() !== null;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._options.contents.fileChanged.disconnect(this._onFileChanged, this);
      super.dispose();
    }
  }

  /** Asks for the list, then shows what is chosen. Never rejects. */
  async refresh(): Promise<void> {
    const path = this._path;
    this._isLoading = true;
    this.stateChanged.emit();
    try {
      const past = await this._options.fetch(path);
      if (this.isDisposed || path !== this._path) {
        return;
      }
      this._past = past;
      this._failure = '';
    } catch (error) {
      this._failure = (error as Error).message;
      this._options.noteFailure(error);
    }
    this._isLoading = false;
    if (!this.isDisposed) {
      this.stateChanged.emit();
      await this._show();
    }
  }

  /** Looks at a version, or with null at the file as it is. */
  async choose(id: string | null, look: Look = this._look): Promise<void> {
    this._id = id;
    this._look = look === 'unsaved' && !this.hasUnsaved ? 'file' : look;
    this.stateChanged.emit();
    await this._show();
  }

  /** What is to be compared: without an old side, one state alone. */
  private _sides(): [StateRef | null, StateRef] {
    const version = this.chosen;
    const state: StateRef = version
      ? { version: version.id }
      : { current: true };
    const mine = this._options.unsaved();
    if (this._look === 'unsaved' && mine !== null) {
      return [state, { content: mine }];
    }
    return this._look === 'file' && version
      ? [state, { current: true }]
      : [null, state];
  }

  private async _show(): Promise<void> {
    const turn = ++this._turn;
    if (!this._past || this._isGone || (this.chosen && !this._past.canShow)) {
      this._set({ kind: 'none' });
      return;
    }
    const isQuick = setTimeout(() => {
      if (turn === this._turn) {
        this._set({ kind: 'loading' });
      }
    }, PATIENCE);
    try {
      const comparison = await this._options.compare(
        this._path,
        ...this._sides()
      );
      if (turn === this._turn) {
        this._set({
          kind: 'comparison',
          comparison,
          id: this.chosen?.id ?? null
        });
      }
    } catch (error) {
      if (turn === this._turn) {
        this._set({ kind: 'failure', message: (error as Error).message });
        if ((error as { response?: Response }).response?.status === 501) {
          // The site has just found out that it shows no versions.
          this._past = { ...this._past, canShow: false };
          this._set({ kind: 'none' });
        }
      }
    } finally {
      clearTimeout(isQuick);
    }
  }

  private _set(shown: Shown): void {
    if (!this.isDisposed) {
      this._shown = shown;
      this.stateChanged.emit();
    }
  }

  private _onFileChanged(
    _: Contents.IManager,
    change: Contents.IChangedArgs
  ): void {
    const { type, oldValue, newValue } = change;
    if (type === 'rename' && oldValue?.path && newValue?.path) {
      const old = oldValue.path;
      if (this._path === old || this._path.startsWith(`${old}/`)) {
        this._path = newValue.path + this._path.slice(old.length);
        void this.refresh();
      }
    } else if (type === 'save' && newValue?.path === this._path) {
      this._isGone = false;
      void this.refresh();
    } else if (type === 'delete' && oldValue?.path) {
      const old = oldValue.path;
      if (this._path === old || this._path.startsWith(`${old}/`)) {
        this._isGone = true;
        this._turn++;
        this._set({ kind: 'none' });
      }
    }
  }

  private _options: VersionsModel.IOptions;
  private _path: string;
  private _past: IPast | null = null;
  private _failure = '';
  private _isGone = false;
  private _isLoading = false;
  private _id: string | null = null;
  private _look: Look = 'preview';
  private _shown: Shown = { kind: 'none' };
  /** Number of the latest question: answers to earlier ones are dropped. */
  private _turn = 0;
}

/** Milliseconds until something says that it loads. */
const PATIENCE = 150;

export namespace VersionsModel {
  export interface IOptions {
    /** API path of the file. */
    path: string;
    contents: Contents.IManager;
    fetch: (path: string) => Promise<IPast>;
    compare: (
      path: string,
      old: StateRef | null,
      now: StateRef
    ) => Promise<Comparison>;
    /** What is on the screen and not saved, as notebook or text; null if there is no such thing. */
    unsaved: () => unknown;
    noteFailure: (error: unknown) => void;
  }
}
