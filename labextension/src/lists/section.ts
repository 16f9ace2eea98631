// What the sections about sharing have in common: when they ask, and what they say when that fails.
import type { ISharingEvent } from '../sharing/api';
import type { IMeshModel, ISharingState } from '../tokens';

import { VDomModel } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';

/**
 * Milliseconds between two looks. Events tell of changes sooner; our server looks for what others did as long
 * as somebody has asked within the last 90 seconds.
 */
const INTERVAL = 60_000;

/** Asks while somebody looks, and after every event that concerns it. */
export abstract class SectionModel extends VDomModel {
  constructor(
    protected options: SectionModel.IOptions,
    name: string,
    private _concerns: readonly ISharingEvent['what'][]
  ) {
    super();
    this._poll = new Poll({
      auto: false,
      name: `@jupyter-mesh/labextension:${name}`,
      factory: () => this.refresh(),
      frequency: { interval: INTERVAL, backoff: false },
      standby: () => (options.isSeen() ? 'when-hidden' : true)
    });
    options.sharing.changed.connect(this._onChanged, this);
    options.sharing.abilitiesChanged.connect(this._tell, this);
    options.mesh.stateChanged.connect(this._onSite, this);
  }

  /** Why there is no list, or no fresh one; null if all is well. */
  get failure(): Error | null {
    return this._failure;
  }

  /** True while an answer is awaited. */
  get isAsking(): boolean {
    return this._running !== null;
  }

  /** False while the site does not answer: what is shown is what was last known. */
  get isOnline(): boolean {
    const state = this.options.mesh.status?.state ?? 'online';
    return state === 'online';
  }

  /** What the people of this site call it. */
  get siteTitle(): string {
    return this.options.mesh.status?.site.title ?? '';
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      this.options.sharing.changed.disconnect(this._onChanged, this);
      this.options.sharing.abilitiesChanged.disconnect(this._tell, this);
      this.options.mesh.stateChanged.disconnect(this._onSite, this);
      super.dispose();
    }
  }

  /** Begins to look, now and from time to time. */
  start(): void {
    void this.options.sharing.load();
    void this._poll.start();
    void this._poll.refresh();
  }

  /** Asks again: one question at a time, and a fresh one for whoever asks during one. Never rejects. */
  refresh(): Promise<void> {
    if (!this._running) {
      this._running = this._ask();
      this._tell();
      return this._running;
    }
    this._next ??= this._running.then(() => {
      this._next = null;
      return this.isDisposed ? undefined : this.refresh();
    });
    return this._next;
  }

  /** Asks for what is shown. */
  protected abstract load(): Promise<void>;

  /** Does something about the whole list; what goes wrong is said above it. */
  protected async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this._failure = null;
      this.options.mesh.noteSuccess();
    } catch (error) {
      this._failure = error as Error;
      this.options.mesh.noteFailure(error);
    }
    this._tell();
  }

  protected tell(): void {
    this._tell();
  }

  private async _ask(): Promise<void> {
    this._askedAt = Date.now();
    await this.attempt(() => this.load());
    this._running = null;
    this._tell();
  }

  private _onChanged(_: ISharingState, event: ISharingEvent): void {
    // What is not seen is asked for when it is shown.
    if (this._concerns.includes(event.what) && this.options.isSeen()) {
      void this.refresh();
    }
  }

  /** The site is asked how it is when somebody begins to look, and whenever it may be back. */
  private _onSite(): void {
    const { isOnline } = this;
    const isBack = isOnline && !this._wasOnline;
    if (isOnline !== this._wasOnline) {
      this._wasOnline = isOnline;
      this._tell();
    }
    const isOld = Date.now() - this._askedAt > INTERVAL / 2;
    if (this.options.isSeen() && isOnline && (isBack || isOld)) {
      this.start();
    }
  }

  private _tell(): void {
    if (!this.isDisposed) {
      this.stateChanged.emit();
    }
  }

  private _failure: Error | null = null;
  private _running: Promise<void> | null = null;
  private _next: Promise<void> | null = null;
  private _wasOnline = true;
  private _askedAt = 0;
  private _poll: Poll;
}

export namespace SectionModel {
  export interface IOptions {
    mesh: IMeshModel;
    sharing: ISharingState;
    /** True while somebody sees what the model is about. */
    isSeen: () => boolean;
  }
}
