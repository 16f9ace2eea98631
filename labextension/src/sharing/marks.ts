// What the rows of a listing say of sharing: one answer for all folders, asked for again when it is old.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import type { IMarks, IPerson, ISharingEvent } from './api';
import type { IMeshModel, ISharingMarks, ISharingState } from '../tokens';

import { PathExt } from '@jupyterlab/coreutils';
import { Signal } from '@lumino/signaling';

import { nameOf } from './words';

/** Milliseconds after which what is known is asked for again: others share in other ways too. */
const FRESH = 300_000;

type Given = IMarks['given'][number];

/** Words for rows. Asks only while somebody looks at a listing. */
export class SharingMarks implements ISharingMarks {
  constructor(private _options: SharingMarks.IOptions) {
    _options.sharing.changed.connect(this._onChanged, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  look(): void {
    if (this._options.now() - this._asked > FRESH && !this._isAsking) {
      void this._ask();
    }
  }

  of(model: Pick<Contents.IModel, 'path' | 'writable'>): {
    text: string;
    title: string;
  } {
    const { trans } = this._options;
    const given = this._given.get(model.path);
    const received = this._received.get(model.path);
    const texts: string[] = [];
    const titles: string[] = [];
    if (received) {
      const name = nameOf(received, trans);
      texts.push(received.site?.title || name);
      titles.push(
        received.site
          ? trans.__('From %1 at %2', name, received.site.domain)
          : trans.__('From %1', name)
      );
    }
    const count = given ? given.people + given.groups : 0;
    if (given && count > 0) {
      texts.push(trans.__('shared · %1', count));
      titles.push(this._withWhom(given));
    }
    if (given?.byLink) {
      // There is little room in the row.
      texts.push(...(count > 0 ? [] : [trans.__('by link')]));
      titles.push(trans.__('by link'));
    }
    if (!model.writable && this._isTop(model.path)) {
      texts.push(trans.__('read-only'));
      titles.push(trans.__('You can view this but not change it.'));
    }
    return { text: texts.join(', '), title: titles.join(', ') };
  }

  from(path: string): IPerson | null {
    return this._senders.get(path) ?? null;
  }

  private _withWhom({ people, groups }: Given): string {
    const { trans } = this._options;
    const persons = trans._n('%1 person', '%1 people', people, people);
    const teams = trans._n('%1 group', '%1 groups', groups, groups);
    if (people && groups) {
      return trans.__('Shared with %1 and %2', persons, teams);
    }
    return trans.__('Shared with %1', people ? persons : teams);
  }

  /** True for what lies in the area of projects or shares itself: below it the folder tells. */
  private _isTop(path: string): boolean {
    const folder = PathExt.dirname(path);
    return this._options.mesh.areas.some(
      area => area.name !== 'home' && area.path === folder
    );
  }

  private async _ask(): Promise<void> {
    const { fetch, now } = this._options;
    this._isAsking = true;
    this._isOld = false;
    this._asked = now();
    try {
      const { given, received } = await fetch();
      this._given = new Map(given.map(each => [each.path, each]));
      this._received = new Map(received.map(each => [each.path, each.from]));
      for (const each of received) {
        this._senders.set(each.path, each.from);
      }
    } catch (error) {
      // Rows keep what they say: the panel tells how the site is.
      console.warn('What is shared is not known.', error);
    }
    this._isAsking = false;
    this._changed.emit();
    if (this._isOld) {
      await this._ask();
    }
  }

  private _onChanged(_: ISharingState, event: ISharingEvent): void {
    const isOurs = ['shares', 'links', 'received', 'projects'].includes(
      event.what
    );
    // Nobody has looked yet: there is nothing that could be old.
    if (isOurs && this._asked > -Infinity) {
      if (this._isAsking) {
        this._isOld = true;
      } else {
        void this._ask();
      }
    }
  }

  private _asked = -Infinity;
  private _isAsking = false;
  private _isOld = false;
  private _given = new Map<string, Given>();
  private _received = new Map<string, IPerson>();
  /** Of what has ended, too: documents may still be open. */
  private _senders = new Map<string, IPerson>();
  private _changed = new Signal<this, void>(this);
}

export namespace SharingMarks {
  export interface IOptions {
    mesh: Pick<IMeshModel, 'areas'>;
    sharing: Pick<ISharingState, 'changed'>;
    fetch: () => Promise<IMarks>;
    /** Milliseconds of a clock. */
    now: () => number;
    trans: TranslationBundle;
  }
}
