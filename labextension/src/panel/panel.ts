// The sidebar: the account on top, sections below.
import type { IMeshModel, IMeshPanel } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { AccordionPanel } from '@lumino/widgets';

import { SidePanel } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { BROWSER_ID, PANEL_ID } from '../tokens';
import type { MeshFileBrowser } from './browser';
import { meshIcon } from '../icons';

/** Works only while it is seen: hidden, it asks nothing. */
export class MeshPanel extends SidePanel implements IMeshPanel {
  /** The model belongs to the caller, the widgets to the panel. */
  constructor(options: {
    mesh: IMeshModel;
    header: Widget;
    browser: MeshFileBrowser;
    trans: TranslationBundle;
  }) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-MeshPanel');
    this.title.icon = meshIcon;
    this.title.caption = options.trans.__('Mesh');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', options.trans.__('Mesh'));
    this._mesh = options.mesh;
    this.browser = options.browser;
    this._top.addClass('jp-MeshPanel-top');
    this._top.addWidget(options.header);
    this.header.addWidget(this._top);
    this.addWidget(options.browser);
    // The sections get what the lines leave, also when these change.
    const heights = new ResizeObserver(() =>
      MessageLoop.postMessage(this.content, Widget.ResizeMessage.UnknownSize)
    );
    heights.observe(this._top.node);
    this.disposed.connect(heights.disconnect, heights);
    const watch = options.mesh.watch(() => this.isVisible);
    this.disposed.connect(watch.dispose, watch);
  }

  readonly browser: MeshFileBrowser;

  get isWritable(): boolean {
    return this.browser.model.isWritable;
  }

  async showPath(path: string): Promise<void> {
    const isFirst = !this._isOpened;
    this._isOpened = true;
    await (isFirst
      ? this.browser.model.open(BROWSER_ID, path)
      : this.browser.model.cd(`/${path}`));
  }

  addLine(line: Widget): void {
    this._top.addWidget(line);
  }

  addSection(section: Widget, isCollapsed = false): void {
    this.addWidget(section);
    // The files keep most of the room.
    const panel = this.content as AccordionPanel;
    if (isCollapsed) {
      panel.collapse(panel.widgets.indexOf(section));
    }
    panel.setRelativeSizes(
      panel.widgets.map(widget => (widget === this.browser ? 0.7 : 0.3))
    );
  }

  expandSection(section: Widget): void {
    const panel = this.content as AccordionPanel;
    panel.expand(panel.widgets.indexOf(section));
  }

  protected override onAfterShow(): void {
    void this._mesh.refresh();
    if (this._isOpened) {
      void this.browser.model.refresh();
    } else {
      this._isOpened = true;
      void this.browser.model.open(BROWSER_ID);
    }
  }

  private _isOpened = false;
  /** The header of a side panel puts its widgets side by side; these are lines. */
  private _top = new Panel();
  private _mesh: IMeshModel;
}
