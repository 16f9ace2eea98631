// Files of the mesh dragged from any file browser into a cell.
import type { Cell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import type { Drag } from '@lumino/dragdrop';

import { DisposableDelegate } from '@lumino/disposable';

import { draggedPaths } from '../clipboard/contentsdrag';
import { takesCode } from './insert';

const TYPES = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];

/** Of the cell that a drag is over. */
const TARGET_CLASS = 'jp-mesh-mod-dropCode';

interface IOptions {
  /** True for what belongs to the mesh. */
  isOurs: (path: string) => boolean;
  onDrop: (paths: string[], cell: Cell, at: CodeEditor.IPosition) => void;
}

/**
 * Lets files be dropped into the input of a code cell.
 *
 * Elsewhere in the notebook, and with anything else, drops stay what they are: cells are moved, files are opened.
 */
export function acceptFiles(
  panel: NotebookPanel,
  options: IOptions
): IDisposable {
  const notebook = panel.content;
  const { node } = notebook;

  const cellAt = (event: Drag.Event): Cell | null => {
    const target = event.target as Element;
    const input = target.closest('.jp-InputArea');
    const cell = notebook.widgets.find(each => each.node.contains(input));
    return input && takesCode(cell) ? cell : null;
  };
  const mark = (cell: Cell | null): void => {
    node
      .querySelectorAll(`.${TARGET_CLASS}`)
      .forEach(each => each.classList.remove(TARGET_CLASS));
    cell?.node.classList.add(TARGET_CLASS);
  };
  const handle = (raw: Event): void => {
    const event = raw as Drag.Event;
    if (event.type === 'lm-dragleave') {
      // The dock hides what it shows of a drop, so it has to hear this.
      mark(null);
      return;
    }
    const paths = draggedPaths(event);
    const isOurs = paths.length > 0 && paths.every(options.isOurs);
    const cell = isOurs ? cellAt(event) : null;
    mark(event.type === 'lm-drop' ? null : cell);
    if (!cell) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    event.dropAction = event.proposedAction;
    if (event.type === 'lm-drop' && cell.editor) {
      options.onDrop(paths, cell, placeOf(event, cell.editor));
    }
  };

  TYPES.forEach(type => node.addEventListener(type, handle, true));
  return new DisposableDelegate(() => {
    TYPES.forEach(type => node.removeEventListener(type, handle, true));
  });
}

/** Where in the text the pointer is; the cursor if it is beside. */
function placeOf(
  event: Drag.Event,
  editor: CodeEditor.IEditor
): CodeEditor.IPosition {
  const { clientX, clientY } = event;
  const place = editor.getPositionForCoordinate({
    left: clientX,
    right: clientX,
    top: clientY,
    bottom: clientY,
    x: clientX,
    y: clientY,
    width: 0,
    height: 0
  } as CodeEditor.ICoordinate);
  return place ?? editor.getCursorPosition();
}
