// The widget of a section with rows.
import type { Message } from '@lumino/messaging';

import { VDomRenderer } from '@jupyterlab/ui-components';

import { focusRows } from './rows';
import type { SectionModel } from './section';

/** Milliseconds for which a row that is to have the keyboard may still come. */
const PATIENCE = 5000;

/** Looks while it is open and seen. The model belongs to the section. */
export abstract class RowsSection<
  M extends SectionModel
> extends VDomRenderer<M> {
  constructor(model: M, id: string, label: string) {
    super(model);
    this.id = id;
    this.title.label = label;
    this.addClass('jp-MeshSection');
  }

  override dispose(): void {
    const { model } = this;
    super.dispose();
    model?.dispose();
  }

  /** Gives the keyboard to a row as soon as it is drawn, without an id to the first one. */
  focusRow(id?: string): void {
    this._wanted = id ? { id, until: Date.now() + PATIENCE } : null;
    if (id) {
      this.update();
    } else {
      focusRows(this.node);
    }
  }

  protected override onAfterShow(): void {
    this.model.start();
  }

  protected override onUpdateRequest(message: Message): void {
    super.onUpdateRequest(message);
    void this.renderPromise?.then(() => this._focusWanted());
  }

  private _focusWanted(): void {
    const wanted = this._wanted;
    if (!wanted || this.isDisposed) {
      return;
    }
    const row = this.node.querySelector(`[data-id="${CSS.escape(wanted.id)}"]`);
    const button = row?.querySelector<HTMLElement>('button');
    if (button || Date.now() > wanted.until) {
      this._wanted = null;
      button?.focus();
    }
  }

  private _wanted: { id: string; until: number } | null = null;
}
