// The question about a name that is taken, before the first byte goes.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Dialog } from '@jupyterlab/apputils';
import { PathExt, Time } from '@jupyterlab/coreutils';
import { Widget } from '@lumino/widgets';

import { formatBytes } from '../format';
import type { Choice, ITaken } from './intake';

/** Asks what to do with one name; `others` more questions may follow. Whoever closes it skips the file. */
export async function askAboutName(
  { path, file, there }: ITaken,
  others: number,
  trans: TranslationBundle
): Promise<{ choice: Choice; isForAll: boolean }> {
  const name = PathExt.basename(path);
  const isFolder = there.type === 'directory';
  const facts = isFolder
    ? [trans.__('There: a folder. A file cannot replace it.')]
    : [describeThere(there, trans)];
  facts.push(
    trans.__(
      'Yours: %1, changed %2.',
      formatBytes(file.size),
      Time.formatHuman(new Date(file.lastModified))
    )
  );
  const choices: { choice: Choice; button: Dialog.IButton }[] = [
    {
      choice: 'skip',
      button: Dialog.cancelButton({ label: trans.__('Skip') })
    },
    {
      choice: 'keep',
      button: Dialog.okButton({ label: trans.__('Keep both') })
    }
  ];
  if (!isFolder) {
    choices.push({
      choice: 'replace',
      button: Dialog.warnButton({ label: trans.__('Replace') })
    });
  }
  const dialog = new Dialog({
    title: trans.__('There is already a "%1" here.', name),
    body: linesOf(facts),
    buttons: choices.map(({ button }) => button),
    // Enter loses nothing.
    defaultButton: 1,
    checkbox: others
      ? {
          label: trans._n(
            'The same for the other one',
            'The same for the %1 others',
            others,
            others
          ),
          checked: false
        }
      : null
  });
  dialog.node.ariaLabel = trans.__('There is already a "%1" here.', name);
  const { button, isChecked } = await dialog.launch();
  const answer = choices.find(one => one.button.label === button.label);
  return { choice: answer?.choice ?? 'skip', isForAll: isChecked === true };
}

/** Asks once more before an upload replaces what came to be there meanwhile. */
export async function askToReplace(
  there: Contents.IModel,
  trans: TranslationBundle
): Promise<boolean> {
  const title = trans.__('Replace "%1"?', there.name);
  const dialog = new Dialog({
    title,
    body: linesOf([
      describeThere(there, trans),
      trans.__('Your upload takes its place.')
    ]),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Replace') })
    ],
    defaultButton: 0
  });
  dialog.node.ariaLabel = title;
  return (await dialog.launch()).button.accept;
}

function describeThere(
  there: Contents.IModel,
  trans: TranslationBundle
): string {
  return trans.__(
    'There: %1, changed %2.',
    formatBytes(there.size ?? 0),
    Time.formatHuman(new Date(there.last_modified))
  );
}

function linesOf(lines: readonly string[]): Widget {
  const body = new Widget();
  for (const line of lines) {
    const paragraph = document.createElement('p');
    paragraph.textContent = line;
    body.node.append(paragraph);
  }
  return body;
}
