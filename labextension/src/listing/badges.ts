// What a row says of a file beside its name.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { DirListing } from '@jupyterlab/filebrowser';

import { foreignLock } from '../locks/lock';

const BADGE_CLASS = 'jp-MeshBadge';

/** The stock rows, with a word after the name of a file that somebody else is editing. */
export class MeshRenderer extends DirListing.Renderer {
  constructor(private _trans: TranslationBundle) {
    super();
  }

  /** Nodes are reused for other entries: what is set is also taken away. */
  override updateItemNode(
    ...args: Parameters<DirListing.Renderer['updateItemNode']>
  ): void {
    super.updateItemNode(...args);
    const [node, model] = args;
    const text = this._badgeOf(model);
    const badge = node.getElementsByClassName(BADGE_CLASS).item(0);
    const name = this.getNameNode(node) as HTMLElement | null;
    if (!text) {
      badge?.remove();
      name?.removeAttribute('aria-label');
      return;
    }
    // While a name is edited its node is not there: the next update brings the badge.
    const place = badge ?? name?.parentElement?.appendChild(newBadge());
    if (place && place.textContent !== text) {
      place.textContent = text;
      // A narrow panel cuts it off.
      (place as HTMLElement).title = text;
    }
    name?.setAttribute('aria-label', `${model.name}, ${text}`);
  }

  private _badgeOf(model: Contents.IModel): string {
    const lock = foreignLock(model);
    if (!lock) {
      return '';
    }
    return lock.holder
      ? this._trans.__('editing: %1', lock.holder)
      : this._trans.__('being edited');
  }
}

function newBadge(): HTMLElement {
  const badge = document.createElement('span');
  badge.className = BADGE_CLASS;
  return badge;
}
