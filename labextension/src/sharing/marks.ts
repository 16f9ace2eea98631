// What the rows of a listing say of sharing: one answer for all folders, asked for again when it is old.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import type { IReceived, IShare, ISharingEvent } from './api';
import type { IMeshModel, ISharingMarks, ISharingState } from '../tokens';

import { PathExt } from '@jupyterlab/coreutils';
import { Signal } from '@lumino/signaling';

import { nameOf } from './words';

/** Milliseconds after which what is known is asked for again: others share in other ways too. */
const FRESH = 60_000;

/** With whom something is shared. */
interface IGiven {
  people: Set<string>;
  groups: Set<string>;
  byLink: boolean;
}

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
      const from = received.site?.title || nameOf(received.owner, trans);
      texts.push(from);
      titles.push(
        received.site
          ? trans.__(
              'From %1 at %2',
              nameOf(received.owner, trans),
              received.site.domain
            )
          : trans.__('From %1', from)
      );
    }
    const count = given ? given.people.size + given.groups.size : 0;
    if (count) {
      texts.push(trans.__('shared · %1', count));
      titles.push(this._withWhom(given!));
    }
    if (given?.byLink) {
      texts.push(trans.__('by link'));
      titles.push(trans.__('by link'));
    }
    if (!model.writable && this._isTop(model.path)) {
      texts.push(trans.__('read-only'));
      titles.push(trans.__('You can view this but not change it.'));
    }
    return { text: texts.join(', '), title: titles.join(', ') };
  }

  private _withWhom({ people, groups }: IGiven): string {
    const { trans } = this._options;
    const persons = trans._n(
      '%1 person',
      '%1 people',
      people.size,
      people.size
    );
    const teams = trans._n('%1 group', '%1 groups', groups.size, groups.size);
    if (people.size && groups.size) {
      return trans.__('Shared with %1 and %2', persons, teams);
    }
    return trans.__('Shared with %1', people.size ? persons : teams);
  }

  /** True for what lies in the area of projects or shares itself: below it the folder tells. */
  private _isTop(path: string): boolean {
    const folder = PathExt.dirname(path);
    return this._options.mesh.areas.some(
      area => area.name !== 'home' && area.path === folder
    );
  }

  private async _ask(): Promise<void> {
    const { shares, links, received, now } = this._options;
    this._isAsking = true;
    this._isOld = false;
    this._asked = now();
    // What cannot be asked keeps its badges; the dialog tells why.
    const [given, linked, got] = await Promise.allSettled([
      shares(),
      links(),
      received()
    ]);
    this._isAsking = false;
    if (given.status === 'fulfilled' && linked.status === 'fulfilled') {
      this._given = gather(given.value, linked.value);
    }
    if (got.status === 'fulfilled') {
      this._received = new Map(
        got.value
          .filter(({ state, path }) => state === 'accepted' && path)
          .map(each => [each.path, each])
      );
    }
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
  private _given = new Map<string, IGiven>();
  private _received = new Map<string, IReceived>();
  private _changed = new Signal<this, void>(this);
}

function gather(
  shares: readonly IShare[],
  links: readonly { path: string }[]
): Map<string, IGiven> {
  const given = new Map<string, IGiven>();
  const at = (path: string): IGiven => {
    const one = given.get(path) ?? {
      people: new Set(),
      groups: new Set(),
      byLink: false
    };
    given.set(path, one);
    return one;
  };
  for (const share of shares) {
    const { people, groups } = at(share.path);
    (share.with.kind === 'group' ? groups : people).add(share.with.key);
  }
  for (const { path } of links) {
    at(path).byLink = true;
  }
  // What lies where nobody can see it.
  given.delete('');
  return given;
}

export namespace SharingMarks {
  export interface IOptions {
    mesh: Pick<IMeshModel, 'areas'>;
    sharing: Pick<ISharingState, 'changed'>;
    shares: () => Promise<IShare[]>;
    links: () => Promise<{ path: string }[]>;
    received: () => Promise<IReceived[]>;
    /** Milliseconds of a clock. */
    now: () => number;
    trans: TranslationBundle;
  }
}
