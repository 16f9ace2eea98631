// What a command of a context menu or of the palette is about.
import type { FileBrowser, IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';

/** The things that are selected in the browser used last. */
export function selectedItems(
  factory: IFileBrowserFactory | null
): Contents.IModel[] {
  return Array.from(factory?.tracker.currentWidget?.selectedItems() ?? []);
}

/** API paths of the selected things of the browser used last, or of `fallback`; else its open folder. */
export function selectedPaths(
  factory: IFileBrowserFactory,
  fallback: FileBrowser
): string[] {
  const browser = factory.tracker.currentWidget ?? fallback;
  const paths = Array.from(browser.selectedItems(), item => item.path);
  return paths.length ? paths : [browser.model.path];
}

/** The one file that is selected in the browser used last; "" for none, several, or a folder. */
export function selectedFile(factory: IFileBrowserFactory | null): string {
  const items = selectedItems(factory);
  return items.length === 1 && items[0].type !== 'directory'
    ? items[0].path
    : '';
}
