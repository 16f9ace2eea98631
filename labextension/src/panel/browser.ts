// The file browser of the Mesh panel: the stock one, with tabs above and a word when there is one to say.
import type { INoticeActions } from './noticeview';
import type { IMeshModel } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import { FileBrowser } from '@jupyterlab/filebrowser';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { MeshBrowserModel } from './browsermodel';
import { noticeFor } from './notice';
import type { Notice } from './notice';
import { AreasWidget } from './areas';
import { LazyRows } from '../listing/rows';
import { NoticeView } from './noticeview';

/** Shows one folder of the mesh. */
export class MeshFileBrowser extends FileBrowser {
  /** `mesh` and the model belong to the caller. */
  constructor(options: MeshFileBrowser.IOptions) {
    // The last folder is opened when the panel is first seen, not before.
    super({ ...options, restore: false });
    this._mesh = options.mesh;
    this.addClass('jp-MeshBrowser');
    this.title.label = options.trans.__('Files');
    LazyRows.attach(this.listing);
    this._notice = new NoticeWidget(options.trans, options.actions);
    this.mainPanel.insertWidget(
      0,
      new AreasWidget(options.model, options.mesh.areas, options.trans)
    );
    this.mainPanel.insertWidget(
      this.mainPanel.widgets.indexOf(this.listing),
      this._notice
    );
    options.mesh.stateChanged.connect(this._onChanged, this);
    options.model.changed.connect(this._onChanged, this);
  }

  declare readonly model: MeshBrowserModel;

  override dispose(): void {
    this._mesh.stateChanged.disconnect(this._onChanged, this);
    super.dispose();
  }

  /** Gives the keyboard to the listing. */
  focusListing(): void {
    this.listing.activate();
  }

  /** Draws the rows again, which say something else now. */
  updateRows(): void {
    this.listing.update();
  }

  private _onChanged(): void {
    const { model, _mesh: mesh } = this;
    if (model.isDisposed) {
      return;
    }
    const notice = noticeFor({
      status: mesh.status,
      isAsking: mesh.isLoading,
      isSlow: model.isSlow,
      isPopulated: model.isPopulated,
      isEmpty: model.isEmpty,
      isFiltered: model.isFiltered,
      isWritable: model.isWritable,
      failure: model.failure,
      isGone: model.isGone,
      path: model.path,
      areas: mesh.areas
    });
    this.node.dataset.meshNotice = notice.kind;
    this._notice.notice = notice;
  }

  private _mesh: IMeshModel;
  private _notice: NoticeWidget;
}

export namespace MeshFileBrowser {
  export interface IOptions extends FileBrowser.IOptions {
    model: MeshBrowserModel;
    mesh: IMeshModel;
    trans: TranslationBundle;
    actions: INoticeActions;
  }
}

/** Renders the notice it was given last. */
class NoticeWidget extends ReactWidget {
  constructor(
    private _trans: TranslationBundle,
    private _actions: INoticeActions
  ) {
    super();
    this.addClass('jp-MeshNotice');
  }

  set notice(value: Notice) {
    this._current = value;
    this.update();
  }

  protected override render(): JSX.Element {
    return React.createElement(NoticeView, {
      notice: this._current,
      actions: this._actions,
      trans: this._trans
    });
  }

  private _current: Notice = { kind: 'none' };
}
