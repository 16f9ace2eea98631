// What a file browser of JupyterLab puts into a drag.
import type { Drag } from '@lumino/dragdrop';

const CONTENTS_MIME = 'application/x-jupyter-icontents';

/** API paths of the files and folders that are dragged; none for anything else. */
export function draggedPaths(event: Drag.Event): string[] {
  return event.mimeData.hasData(CONTENTS_MIME)
    ? (event.mimeData.getData(CONTENTS_MIME) as string[])
    : [];
}
