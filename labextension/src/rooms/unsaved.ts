// Which documents are not saved, and why, as the server tells it.
import type { Event } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMeshModel, IUnsaved } from '../tokens';

import { PathExt } from '@jupyterlab/coreutils';
import { VDomModel } from '@jupyterlab/ui-components';

import { UNSAVED_SCHEMA } from '../tokens';

/** HTTP codes with which the site does not answer. */
const AWAY = [502, 503, 504];

/** The sentence for a document that is not saved. */
export function sentenceFor(
  unsaved: Pick<IUnsaved, 'path' | 'status' | 'message'>,
  options: { mesh: IMeshModel; trans: TranslationBundle }
): string {
  const { mesh, trans } = options;
  const name = PathExt.basename(unsaved.path);
  const site = mesh.status?.site.title || trans.__('The site');
  if (unsaved.status === 401) {
    return trans.__(
      '"%1" is not saved: your login at %2 has ended. Your changes are kept. Sign in again in the Mesh panel.',
      name,
      site
    );
  }
  if (AWAY.includes(unsaved.status)) {
    return trans.__(
      '"%1" is not saved: %2 does not answer. Your changes are kept; saving will be tried again.',
      name,
      site
    );
  }
  return unsaved.message;
}

/** True if the site, not the document, keeps it from being saved. */
export function isOfSite(unsaved: IUnsaved): boolean {
  return unsaved.status === 401 || AWAY.includes(unsaved.status);
}

/** The documents that are not saved. The server is asked about a document when it opens, then events tell. */
export class UnsavedModel extends VDomModel {
  /** `fetch` asks the server about one document. */
  constructor(private _fetch: (path: string) => Promise<IUnsaved | null>) {
    super();
  }

  /** Why a document is not saved; undefined if it is, as far as is known. */
  get(path: string): IUnsaved | undefined {
    return this._unsaved.get(path);
  }

  /** Asks the server about a document. What it does not answer is left to the next event. */
  async load(path: string): Promise<void> {
    try {
      this._put(path, await this._fetch(path));
    } catch (error) {
      console.warn(`Whether ${path} is saved is not known.`, error);
    }
  }

  /** Takes over what an event tells; passes over events of others. */
  note(event: Event.Emission): void {
    if (event.schema_id === UNSAVED_SCHEMA) {
      const told = event as unknown as IUnsaved & { saved: boolean };
      this._put(told.path, told.saved ? null : told);
    }
  }

  private _put(path: string, unsaved: IUnsaved | null): void {
    if (unsaved) {
      this._unsaved.set(path, unsaved);
    } else if (!this._unsaved.delete(path)) {
      return;
    }
    this.stateChanged.emit();
  }

  private _unsaved = new Map<string, IUnsaved>();
}
