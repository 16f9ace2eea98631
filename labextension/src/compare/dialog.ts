// Two texts of one file in a dialog.
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Dialog, showErrorMessage } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';

import { compare } from '../api';

/** What a comparison is shown with. */
export interface IComparing {
  settings: ServerConnection.ISettings;
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry;
  trans: TranslationBundle;
}

interface ITexts {
  /** API path of the file: what is at the site is the old side. */
  path: string;
  /** The new side: the content of a model. */
  content: () => Promise<unknown>;
  /** What this is about, for people. */
  title: string;
  labels: { old: string; new: string };
}

/** Shows what is at the site beside another content. A failure is told, never thrown. */
export async function showComparison(
  texts: ITexts,
  { settings, rendermime, languages, trans }: IComparing
): Promise<void> {
  const { path, title, labels } = texts;
  const name = PathExt.basename(path);
  try {
    const content = await texts.content();
    const [comparison, { ComparisonView }] = await Promise.all([
      compare(settings, path, { current: true }, { content }),
      import('./view')
    ]);
    const dialog = new Dialog({
      title: trans.__('"%1": %2', name, title),
      body: new ComparisonView({
        comparison,
        path,
        labels,
        rendermime,
        languages,
        trans
      }),
      buttons: [Dialog.okButton({ label: trans.__('Back') })]
    });
    dialog.addClass('jp-MeshCompareDialog');
    dialog.node.ariaLabel = title;
    await dialog.launch();
  } catch (error) {
    await showErrorMessage(
      trans.__('"%1" cannot be compared', name),
      error as Error
    );
  }
}
