// Two states of a file side by side, or one alone. Loaded when it is first needed.
//
// What is shown was written by anybody: outputs are rendered untrusted, so that no script in them runs.
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { ICell, IOutput } from '@jupyterlab/nbformat';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Comparison, ICellRow } from '../past';

import { MergeView } from '@codemirror/merge';
import type { Extension } from '@codemirror/state';
import { EditorState } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { jupyterTheme } from '@jupyterlab/codemirror';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { MimeModel } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

import { formatBytes } from '../format';

export interface IComparisonOptions {
  comparison: Comparison;
  /** API path of the file: its name tells the language. */
  path: string;
  /** What each side is, for people: "3 minutes ago". */
  labels: { old: string; new: string };
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry;
  trans: TranslationBundle;
}

type Side = 'old' | 'new';

/** Comparing goes on at most this long per text; then larger pieces count as changed. */
const DIFF = { scanLimit: 2000, timeout: 400 };

/** How far from what is seen cells are drawn. */
const AHEAD = '800px';

/** A scrolling view of a comparison. */
export class ComparisonView extends Panel {
  constructor(private _options: IComparisonOptions) {
    super();
    const { comparison, trans } = _options;
    this.addClass('jp-MeshComparison');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Comparison'));
    this.node.tabIndex = 0;
    this._isPair = comparison.facts.old !== null || hasOld(comparison);
    this.node.dataset.sides = this._isPair ? 'two' : 'one';
    this._observer = new IntersectionObserver(
      entries => this._fillSeen(entries),
      { root: this.node, rootMargin: AHEAD }
    );
    if (this._isPair) {
      this.addWidget(headings(_options.labels));
    }
    switch (comparison.kind) {
      case 'notebook':
        this._addRows(comparison);
        break;
      case 'text':
        this._addText(comparison.old, comparison.new);
        break;
      case 'other':
        this.addWidget(sentence(this._facts()));
    }
    void this._loadLanguage();
  }

  override dispose(): void {
    this._observer.disconnect();
    this._views.forEach(view => view.destroy());
    super.dispose();
  }

  private _addText(old: string | null, now: string): void {
    const { trans } = this._options;
    if (old === now) {
      this.addWidget(sentence(trans.__('Both are the same.')));
    }
    this.addWidget(
      this._lazy(row => row.addWidget(this._source(old, now, '')), 60)
    );
  }

  private _addRows(comparison: Comparison & { kind: 'notebook' }): void {
    const { trans } = this._options;
    const { rows, metadata } = comparison;
    if (this._isPair && !metadata && rows.every(row => row.state === 'same')) {
      this.addWidget(sentence(trans.__('Both are the same.')));
    }
    if (!rows.length) {
      this.addWidget(sentence(trans.__('This notebook has no cells.')));
    }
    if (metadata) {
      this.addWidget(
        this._row(
          trans.__('Changed: settings of the notebook'),
          'changed',
          row => row.addWidget(this._json(metadata.old, metadata.new))
        )
      );
    }
    let same: ICellRow[] = [];
    for (const row of rows) {
      if (row.state === 'same' && this._isPair) {
        same.push(row);
      } else {
        this._addSame(same);
        same = [];
        this.addWidget(this._cell(row));
      }
    }
    this._addSame(same);
  }

  /** Cells that are equal stand behind one button. */
  private _addSame(rows: ICellRow[]): void {
    if (!rows.length) {
      return;
    }
    const { trans } = this._options;
    const fold = new Panel();
    fold.addClass('jp-MeshComparison-fold');
    const button = document.createElement('button');
    button.className = 'jp-MeshComparison-unfold';
    button.textContent = trans._n(
      'Show %1 unchanged cell',
      'Show %1 unchanged cells',
      rows.length,
      rows.length
    );
    button.onclick = () => {
      button.remove();
      rows.forEach(row => fold.addWidget(this._cell(row)));
      fold.widgets[0].node.focus();
    };
    fold.node.append(button);
    this.addWidget(fold);
  }

  private _cell(row: ICellRow): Panel {
    return this._row(this._title(row), row.state, panel =>
      this._fillCell(panel, row)
    );
  }

  /** A labelled group, filled when it comes into sight. */
  private _row(
    title: string,
    state: ICellRow['state'],
    fill: (row: Panel) => void
  ): Panel {
    const row = this._lazy(fill, 80);
    row.node.setAttribute('role', 'group');
    row.node.tabIndex = -1;
    row.node.dataset.state = state;
    if (title) {
      row.node.setAttribute('aria-label', title);
      const label = document.createElement('div');
      label.className = 'jp-MeshComparison-label';
      label.textContent = title;
      row.addWidget(new Widget({ node: label }));
    }
    return row;
  }

  private _title(row: ICellRow): string {
    const { trans } = this._options;
    switch (row.state) {
      case 'added':
        return trans.__('Added cell');
      case 'removed':
        return trans.__('Removed cell');
      case 'changed': {
        const names = {
          source: trans.__('text'),
          outputs: trans.__('results'),
          attachments: trans.__('attachments'),
          metadata: trans.__('settings')
        };
        return trans.__(
          'Changed cell: %1',
          (row.parts ?? []).map(part => names[part]).join(', ')
        );
      }
      case 'same':
        return '';
    }
  }

  private _fillCell(panel: Panel, row: ICellRow): void {
    const isPair = row.old !== null && row.new !== null;
    const one = (row.new ?? row.old) as ICell;
    const kind = one.cell_type;
    if (isPair) {
      panel.addWidget(this._source(text(row.old), text(row.new), kind));
    } else if (kind === 'markdown' && row.state === 'same') {
      panel.addWidget(this._markdown(one));
    } else {
      const source = this._source(null, text(one), kind);
      source.node.dataset.side = row.new ? 'new' : 'old';
      panel.addWidget(source);
    }
    if (isPair && row.parts?.includes('metadata')) {
      panel.addWidget(
        this._json(row.old?.metadata ?? {}, row.new?.metadata ?? {})
      );
    }
    const isNew = !isPair || row.parts?.includes('outputs');
    const hasResults = [row.old, row.new].some(cell => outputsOf(cell).length);
    if (isNew && hasResults) {
      panel.addWidget(this._results(row));
    }
  }

  private _results(row: ICellRow): Panel {
    const results = new Panel();
    results.addClass('jp-MeshComparison-outputs');
    for (const side of ['old', 'new'] as const) {
      const outputs = outputsOf(row[side]);
      if (outputs.length) {
        results.addWidget(this._outputs(outputs, side));
      }
    }
    return results;
  }

  private _outputs(values: IOutput[], side: Side): Widget {
    const area = new SimplifiedOutputArea({
      // Whoever wrote the file says what is in it: nothing of it may run.
      model: new OutputAreaModel({ values, trusted: false }),
      rendermime: this._options.rendermime
    });
    area.node.dataset.side = side;
    return area;
  }

  private _markdown(cell: ICell): Widget {
    const widget = this._options.rendermime.createRenderer('text/markdown');
    void widget.renderModel(
      new MimeModel({
        data: { 'text/markdown': text(cell) },
        trusted: false
      })
    );
    return widget;
  }

  private _json(old: object, now: object): Widget {
    const [before, after] = [old, now].map(value =>
      JSON.stringify(value, null, 1)
    );
    return this._source(before, after, 'json');
  }

  /** An editor for one text, or two side by side. Nothing in it can be changed. */
  private _source(old: string | null, now: string, kind: string): Widget {
    const host = document.createElement('div');
    host.className = 'jp-MeshComparison-source';
    const extensions: Extension[] = [
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorView.lineWrapping,
      lineNumbers(),
      jupyterTheme,
      kind === 'code' || kind === '' ? this._language : []
    ];
    if (old === null) {
      const view = new EditorView({ doc: now, extensions, parent: host });
      this._views.push(view);
    } else {
      const view = new MergeView({
        a: { doc: old, extensions },
        b: { doc: now, extensions },
        parent: host,
        collapseUnchanged: { margin: 3, minSize: 6 },
        diffConfig: DIFF
      });
      this._views.push(view);
    }
    return new Widget({ node: host });
  }

  private _lazy(fill: (row: Panel) => void, height: number): Panel {
    const row = new Panel();
    row.addClass('jp-MeshComparison-row');
    row.node.style.minHeight = `${height}px`;
    this._waiting.set(row.node, () => {
      row.node.style.minHeight = '';
      fill(row);
    });
    this._observer.observe(row.node);
    return row;
  }

  private _fillSeen(entries: IntersectionObserverEntry[]): void {
    for (const { isIntersecting, target } of entries) {
      const fill = this._waiting.get(target);
      if (isIntersecting && fill && this._isReady) {
        this._observer.unobserve(target);
        this._waiting.delete(target);
        fill();
      }
    }
  }

  /** Colours come from a grammar that is fetched first; without one there is none. */
  private async _loadLanguage(): Promise<void> {
    const { comparison, languages, path } = this._options;
    const spec =
      comparison.kind === 'notebook'
        ? languages.findBest(comparison.language || 'python')
        : languages.findByFileName(path);
    try {
      const language = spec && (await languages.getLanguage(spec));
      this._language = language?.support ?? [];
    } catch (error) {
      console.warn('No colours for this language.', error);
    }
    this._isReady = true;
    for (const node of this._waiting.keys()) {
      // Observing anew tells once more what is in sight.
      this._observer.unobserve(node);
      this._observer.observe(node);
    }
  }

  private _facts(): string {
    const { comparison, trans } = this._options;
    const sizes = [comparison.facts.old, comparison.facts.new].map(facts =>
      facts ? formatBytes(facts.size) : ''
    );
    return sizes[0] && sizes[1]
      ? trans.__(
          'Only text and notebooks can be compared here. Sizes: %1 and %2.',
          sizes[0],
          sizes[1]
        )
      : trans.__(
          'Only text and notebooks can be shown here. Size: %1.',
          sizes[1] || sizes[0]
        );
  }

  private _isPair: boolean;
  private _isReady = false;
  private _language: Extension = [];
  private _observer: IntersectionObserver;
  private _views: { destroy(): void }[] = [];
  private _waiting = new Map<Element, () => void>();
}

function hasOld(comparison: Comparison): boolean {
  switch (comparison.kind) {
    case 'notebook':
      return comparison.rows.some(row => row.old);
    case 'text':
      return comparison.old !== null;
    case 'other':
      return false;
  }
}

function outputsOf(cell: ICell | null): IOutput[] {
  return (cell?.outputs ?? []) as IOutput[];
}

function text(cell: ICell | null): string {
  const source = cell?.source ?? '';
  return Array.isArray(source) ? source.join('') : source;
}

function sentence(words: string): Widget {
  const node = document.createElement('p');
  node.className = 'jp-MeshComparison-sentence';
  node.textContent = words;
  return new Widget({ node });
}

function headings(labels: { old: string; new: string }): Widget {
  const node = document.createElement('div');
  node.className = 'jp-MeshComparison-headings';
  for (const side of ['old', 'new'] as const) {
    const heading = document.createElement('h3');
    heading.textContent = labels[side];
    node.append(heading);
  }
  return new Widget({ node });
}
