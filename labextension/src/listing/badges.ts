// What a row says of a file beside its name.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISharingMarks } from '../tokens';

import { DirListing } from '@jupyterlab/filebrowser';

import { foreignLock } from '../locks/lock';

const BADGE_CLASS = 'jp-MeshBadge';

/** The stock rows, with a word after the name: who is editing a file, with whom it is shared, from where it comes. */
export class MeshRenderer extends DirListing.Renderer {
  constructor(
    private _trans: TranslationBundle,
    private _marks: Pick<ISharingMarks, 'of'> | null = null
  ) {
    super();
  }

  /** Nodes are reused for other entries: what is set is also taken away. */
  override updateItemNode(
    ...args: Parameters<DirListing.Renderer['updateItemNode']>
  ): void {
    super.updateItemNode(...args);
    const [node, model] = args;
    const { text, title } = this._badgeOf(model);
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
    }
    if (place) {
      // A narrow panel cuts it off.
      (place as HTMLElement).title = title;
    }
    name?.setAttribute('aria-label', `${model.name}, ${text}`);
  }

  private _badgeOf(model: Contents.IModel): { text: string; title: string } {
    const mark = this._marks?.of(model) ?? { text: '', title: '' };
    const lock = foreignLock(model);
    if (!lock) {
      return mark;
    }
    const editing = lock.holder
      ? this._trans.__('editing: %1', lock.holder)
      : this._trans.__('being edited');
    return {
      text: [editing, mark.text].filter(Boolean).join(', '),
      title: [editing, mark.title].filter(Boolean).join(', ')
    };
  }
}

function newBadge(): HTMLElement {
  const badge = document.createElement('span');
  badge.className = BADGE_CLASS;
  return badge;
}
