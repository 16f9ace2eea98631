import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ICode } from '../tokens';

import { CodeEditor } from '@jupyterlab/codeeditor';
import { CodeMirrorEditor, ybinding } from '@jupyterlab/codemirror';

import { insertLines, textFor } from './insert';

type YText = Parameters<typeof ybinding>[0]['ytext'];

const LINES = ['import pandas as pd', 'df = pd.read_csv("a.csv")'];

const CODE: ICode = {
  url: 'cs3://alpine/home/a.csv',
  path: null,
  lines: LINES,
  all: [
    { url: 'cs3://alpine/home/a.csv', path: null },
    { url: 'cs3://alpine/home/b.csv', path: '/mesh/home/b "2".csv' }
  ]
};

function notebookWith(metadata: Record<string, unknown>): NotebookPanel {
  const model = { getMetadata: (key: string) => metadata[key] };
  return { content: { model } } as unknown as NotebookPanel;
}

describe('textFor', () => {
  it.each([
    ['a new notebook', {}],
    ['a notebook of Python', { language_info: { name: 'python' } }],
    ['one that has not run yet', { kernelspec: { language: 'Python' } }]
  ])('is Python in %s', (_, metadata) => {
    expect(textFor(CODE, notebookWith(metadata))).toBe(LINES.join('\n'));
  });

  it('is what the files are called in other languages', () => {
    const notebook = notebookWith({ language_info: { name: 'R' } });
    expect(textFor(CODE, notebook)).toBe(
      '"cs3://alpine/home/a.csv"\n"/mesh/home/b \\"2\\".csv"'
    );
  });
});

describe('insertLines', () => {
  it.each([
    ['an empty cell', '', 0, 'A\nB'],
    ['an empty line', 'x = 1\n\ny = 2', 1, 'x = 1\nA\nB\ny = 2'],
    ['a line of blanks', 'x = 1\n  ', 1, 'x = 1\nA\nB'],
    ['a line with code', 'x = 1\ny = 2', 0, 'x = 1\nA\nB\ny = 2']
  ])('writes whole lines into %s', (_, source, line, expected) => {
    const model = new CodeEditor.Model();
    model.sharedModel.setSource(source);
    const host = document.createElement('div');
    const { ysource } = model.sharedModel as unknown as { ysource: YText };
    const extensions = [ybinding({ ytext: ysource })];
    const editor = new CodeMirrorEditor({ host, model, extensions });
    insertLines(editor, { line, column: 0 }, 'A\nB');
    expect(model.sharedModel.getSource()).toBe(expected);
    const cursor = editor.getOffsetAt(editor.getCursorPosition());
    expect(expected.slice(0, cursor).endsWith('A\nB')).toBe(true);
    editor.dispose();
  });
});
