// Lines of code in a cell of a notebook.
import type { Cell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { ICode } from '../tokens';

/** True for a cell that takes code. */
export function takesCode(cell: Cell | null | undefined): cell is Cell {
  return (
    !!cell &&
    cell.model.type === 'code' &&
    !cell.readOnly &&
    cell.editor !== null &&
    cell.editor.getOption('readOnly') !== true
  );
}

/** What to write into a notebook: lines of Python, or for other languages what the files are called. */
export function textFor(code: ICode, notebook: NotebookPanel): string {
  return languageOf(notebook) === 'python'
    ? code.lines.join('\n')
    : code.all.map(({ path, url }) => JSON.stringify(path ?? url)).join('\n');
}

/** The language of the kernel, as far as it is known; a new notebook counts as Python. */
function languageOf(notebook: NotebookPanel): string {
  const { model } = notebook.content;
  const info = model?.getMetadata('language_info') as
    { name?: string } | undefined;
  const spec = model?.getMetadata('kernelspec') as
    { language?: string } | undefined;
  return (info?.name || spec?.language || 'python').toLowerCase();
}

/** Puts whole lines at a place: into the line if it is empty, else below it. The cursor goes behind them. */
export function insertLines(
  editor: CodeEditor.IEditor,
  at: CodeEditor.IPosition,
  text: string
): void {
  const line = editor.getLine(at.line) ?? '';
  const isEmpty = !line.trim();
  const start = editor.getOffsetAt({ line: at.line, column: 0 });
  const end = start + line.length;
  const from = isEmpty ? start : end;
  const added = isEmpty ? text : `\n${text}`;
  editor.model.sharedModel.updateSource(from, end, added);
  const position = editor.getPositionAt(from + added.length);
  if (position) {
    editor.setCursorPosition(position);
  }
}
