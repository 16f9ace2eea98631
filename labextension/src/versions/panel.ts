// Versions of one file in the main area: the list at the left, what is chosen at the right.
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';

import { PathExt } from '@jupyterlab/coreutils';
import { historyIcon } from '@jupyterlab/ui-components';
import { Panel, SplitPanel, Widget } from '@lumino/widgets';

import type { Comparison } from '../past';
import type { Shown, VersionsModel } from './model';
import { formatAgo } from '../format';
import type { IVersionActions } from './view';
import { VersionHeaderWidget, VersionListWidget } from './view';

/** Pictures that a browser shows without running anything in them. */
const PICTURES = ['.png', '.jpg', '.jpeg', '.gif', '.webp', '.bmp', '.svg'];

/** Bytes of a picture that is fetched for a preview. */
const PICTURE_AT_MOST = 20e6;

/** Owns the model. */
export class VersionsPanel extends SplitPanel {
  constructor(private _options: VersionsPanel.IOptions) {
    super({ orientation: 'horizontal', spacing: 1 });
    const { model, site, trans, actions } = _options;
    this.addClass('jp-MeshVersions');
    this.title.icon = historyIcon;
    this.title.closable = true;
    this._list = new VersionListWidget({ model, site, trans });
    const right = new Panel();
    right.addClass('jp-MeshVersions-main');
    right.addWidget(new VersionHeaderWidget({ model, site, trans, actions }));
    right.addWidget(this._stage);
    this._stage.addClass('jp-MeshVersions-stage');
    this.addWidget(this._list);
    this.addWidget(right);
    this.setRelativeSizes([1, 3]);
    model.stateChanged.connect(this._onChanged, this);
    this._onChanged();
  }

  get model(): VersionsModel {
    return this._options.model;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.model.stateChanged.disconnect(this._onChanged, this);
      this.model.dispose();
      URL.revokeObjectURL(this._picture);
      super.dispose();
    }
  }

  protected override onActivateRequest(): void {
    const list = this._list.node.querySelector<HTMLElement>('[role=listbox]');
    (list ?? this.node).focus();
  }

  private _onChanged(): void {
    const { model, trans } = this._options;
    const name = PathExt.basename(model.path);
    this.title.label = trans.__('Versions of %1', name);
    this.title.caption = model.path;
    if (model.shown !== this._shown) {
      this._shown = model.shown;
      void this._show(model.shown);
    }
  }

  private async _show(shown: Shown): Promise<void> {
    const { trans } = this._options;
    let view: Widget | null = null;
    switch (shown.kind) {
      case 'none':
        break;
      case 'loading':
        view = sentence(trans.__('Loading…'), 'status');
        break;
      case 'failure':
        view = sentence(shown.message, 'alert');
        break;
      case 'comparison':
        try {
          view = await this._view(shown.comparison, shown.id);
        } catch (error) {
          // The code that compares could not be loaded.
          console.warn('A version cannot be shown.', error);
          view = sentence(
            trans.__('This cannot be shown now. Choose it again in a moment.'),
            'alert'
          );
        }
    }
    if (this._shown !== shown || this.isDisposed) {
      view?.dispose();
      return;
    }
    for (const old of [...this._stage.widgets]) {
      old.dispose();
    }
    if (view) {
      this._stage.addWidget(view);
    }
  }

  private async _view(
    comparison: Comparison,
    id: string | null
  ): Promise<Widget> {
    const { model, trans, rendermime, languages } = this._options;
    if (comparison.kind === 'other' && id !== null && isPicture(model.path)) {
      const size = comparison.facts.new?.size ?? Infinity;
      if (comparison.facts.old === null && size <= PICTURE_AT_MOST) {
        return this._pictureOf(id);
      }
    }
    const { ComparisonView } = await import('../compare/view');
    const version = model.past?.versions.find(each => each.id === id);
    const when = version && formatAgo(version.modified, trans);
    return new ComparisonView({
      comparison,
      path: model.path,
      labels: {
        old: when ?? trans.__('The file'),
        new:
          model.look === 'unsaved'
            ? trans.__('Yours, not saved')
            : trans.__('The file')
      },
      rendermime,
      languages,
      trans
    });
  }

  private async _pictureOf(id: string): Promise<Widget> {
    const { model, trans, fetchVersion } = this._options;
    URL.revokeObjectURL(this._picture);
    try {
      const blob = await fetchVersion(model.path, id);
      const type = PathExt.extname(model.path).toLowerCase();
      // In an <img> nothing in a picture runs, scripts of an SVG neither.
      this._picture = URL.createObjectURL(
        type === '.svg' ? blob.slice(0, blob.size, 'image/svg+xml') : blob
      );
    } catch (error) {
      return sentence((error as Error).message, 'alert');
    }
    const node = document.createElement('img');
    node.className = 'jp-MeshVersions-picture';
    node.alt = trans.__('The picture as it was');
    node.src = this._picture;
    return new Widget({ node });
  }

  private _list: VersionListWidget;
  private _stage = new Panel();
  private _shown: Shown | null = null;
  private _picture = '';
}

export namespace VersionsPanel {
  export interface IOptions {
    model: VersionsModel;
    /** Name of the site, for people. */
    site: string;
    trans: TranslationBundle;
    actions: IVersionActions;
    rendermime: IRenderMimeRegistry;
    languages: IEditorLanguageRegistry;
    fetchVersion: (path: string, id: string) => Promise<Blob>;
  }
}

function isPicture(path: string): boolean {
  return PICTURES.includes(PathExt.extname(path).toLowerCase());
}

function sentence(words: string, role: 'alert' | 'status'): Widget {
  const node = document.createElement('p');
  node.className = 'jp-MeshComparison-sentence';
  node.setAttribute('role', role);
  node.textContent = words;
  return new Widget({ node });
}
