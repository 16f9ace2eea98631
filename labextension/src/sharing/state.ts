// What the site can do for sharing, and word of every change: what all panels and dialogs about sharing look at.
import type { Event } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';

import { Signal } from '@lumino/signaling';

import type { Abilities, AbilityName, ISharingEvent } from './api';
import { SHARING_SCHEMA } from './api';
import type { ISharingState } from '../tokens';

/** One for all: abilities are asked for once, events are read in one place. */
export class SharingState implements ISharingState {
  constructor(private _options: SharingState.IOptions) {}

  get abilities(): Abilities | null {
    return this._abilities;
  }

  get abilitiesChanged(): ISignal<this, void> {
    return this._abilitiesChanged;
  }

  get changed(): ISignal<this, ISharingEvent> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  can(name: AbilityName): boolean {
    return this._abilities?.[name]?.can ?? true;
  }

  whyNot(name: AbilityName): string {
    return this.can(name) ? '' : (this._abilities?.[name]?.why ?? '');
  }

  /** One request at a time, shared by all who ask. */
  load(fresh = false): Promise<void> {
    if (this._abilities && !fresh) {
      return Promise.resolve();
    }
    this._pending ??= this._ask().finally(() => {
      this._pending = null;
    });
    return this._pending;
  }

  /** Takes over what an event tells; passes over events of others. */
  note(event: Event.Emission): void {
    if (event.schema_id === SHARING_SCHEMA && !this._isDisposed) {
      const { what, path } = event as unknown as ISharingEvent;
      this._changed.emit({ what, path });
    }
  }

  private async _ask(): Promise<void> {
    try {
      const abilities = await this._options.fetch();
      const isNew =
        JSON.stringify(abilities) !== JSON.stringify(this._abilities);
      this._abilities = abilities;
      if (isNew && !this._isDisposed) {
        this._abilitiesChanged.emit();
      }
    } catch (error) {
      this._options.noteFailure(error);
    }
  }

  private _abilities: Abilities | null = null;
  private _pending: Promise<void> | null = null;
  private _isDisposed = false;
  private _abilitiesChanged = new Signal<this, void>(this);
  private _changed = new Signal<this, ISharingEvent>(this);
}

export namespace SharingState {
  export interface IOptions {
    fetch: () => Promise<Abilities>;
    noteFailure: (error: unknown) => void;
  }
}
