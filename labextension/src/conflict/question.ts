// The question that a conflict asks, and the words for who made the other change.
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';

import { formatAgo } from '../format';

type Choice = 'compare' | 'copy' | 'overwrite' | 'theirs' | 'cancel';

interface IQuestion {
  path: string;
  /** The file as it is at the site. */
  theirs: Contents.IModel;
  trans: TranslationBundle;
  /** Shows both states, theirs under this label, until the user has seen enough. */
  compare: (label: string) => Promise<void>;
}

/** Asks what to do; a choice that loses text is asked for once more, and "no" leads back. */
export async function askUntilSure({
  path,
  theirs,
  trans,
  compare
}: IQuestion): Promise<Exclude<Choice, 'compare'>> {
  const name = PathExt.basename(path);
  for (;;) {
    const choice = await ask(name, theirs, trans);
    if (choice === 'copy' || choice === 'cancel') {
      return choice;
    }
    if (choice === 'compare') {
      await compare(whoAndWhen(theirs, trans));
      continue;
    }
    const { button } = await showDialog({
      title:
        choice === 'overwrite'
          ? trans.__('Overwrite "%1"?', name)
          : trans.__('Load theirs?'),
      body:
        choice === 'overwrite'
          ? trans.__(
              'What others changed in "%1" since you opened it is replaced by your version.',
              name
            )
          : trans.__('Your unsaved changes in "%1" are lost.', name),
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Back') }),
        Dialog.warnButton({
          label:
            choice === 'overwrite'
              ? trans.__('Overwrite')
              : trans.__('Load theirs')
        })
      ]
    });
    if (button.accept) {
      return choice;
    }
  }
}

/** Name of the person who made the change, where the server tells it. */
function changedBy(theirs: Contents.IModel): string {
  const { mesh } = theirs as { mesh?: { changedBy?: unknown } };
  return typeof mesh?.changedBy === 'string' ? mesh.changedBy : '';
}

/** "Jan Novak, 2 minutes ago" */
function whoAndWhen(theirs: Contents.IModel, trans: TranslationBundle): string {
  const who = changedBy(theirs);
  const when = formatAgo(theirs.last_modified, trans);
  return who ? trans.__('%1, %2', who, when) : when;
}

async function ask(
  name: string,
  theirs: Contents.IModel,
  trans: TranslationBundle
): Promise<Choice> {
  const who = changedBy(theirs) || trans.__('somebody else');
  const when = formatAgo(theirs.last_modified, trans);
  const dialog = new Dialog({
    title: trans.__('"%1" was changed by %2 %3.', name, who, when),
    body: trans.__('Your changes are still here.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      // Not in red: what they lose is asked for once more.
      Dialog.createButton({
        label: trans.__('Load theirs…'),
        accept: false,
        actions: ['theirs']
      }),
      Dialog.createButton({
        label: trans.__('Overwrite…'),
        accept: false,
        actions: ['overwrite']
      }),
      Dialog.createButton({
        label: trans.__('Compare'),
        accept: false,
        actions: ['compare']
      }),
      Dialog.okButton({
        label: trans.__('Save mine as a copy'),
        actions: ['copy']
      })
    ],
    defaultButton: 4
  });
  dialog.addClass('jp-MeshConflict');
  const { button } = await dialog.launch();
  return (button.actions[0] as Choice | undefined) ?? 'cancel';
}
