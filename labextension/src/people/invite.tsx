// The dialog that makes an invitation, and gives what is to be sent.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IInvitationTexts } from '../sharing/api';

import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import { useStepFocus } from '../dialogs/steps';
import { Trouble } from '../lists/state';
import { sendWords } from './words';

/** An invitation with its texts, and when it ends. */
export interface IReadyInvitation extends IInvitationTexts {
  expires: string | null;
}

interface IInviteProps {
  /** What to show at once; without it one is made first. */
  ready?: IReadyInvitation;
  create: (note: string) => Promise<IReadyInvitation>;
  close: () => void;
  trans: TranslationBundle;
}

/** First for whom it is, then what to send. */
export function InviteForm(props: IInviteProps): JSX.Element {
  const { close, trans } = props;
  const [note, setNote] = React.useState('');
  const [ready, setReady] = React.useState(props.ready ?? null);
  const [failure, setFailure] = React.useState<Error | null>(null);
  const [isBusy, setBusy] = React.useState(false);
  const form = useStepFocus(ready !== null);

  const create = async (): Promise<void> => {
    if (isBusy) {
      return;
    }
    setBusy(true);
    setFailure(null);
    try {
      setReady(await props.create(note.trim()));
    } catch (error) {
      setFailure(error as Error);
    }
    setBusy(false);
  };

  if (ready) {
    return (
      <div ref={form} className="jp-MeshForm-body">
        <Sending ready={ready} trans={trans} />
        <div className="jp-MeshForm-buttons">
          <button className="jp-mod-styled jp-mod-reject" onClick={close}>
            {trans.__('Close')}
          </button>
        </div>
      </div>
    );
  }
  return (
    <div ref={form} className="jp-MeshForm-body">
      <form
        onSubmit={event => {
          event.preventDefault();
          void create();
        }}
      >
        <label>
          {trans.__('For whom? A note that only you see')}
          <input
            className="jp-mod-styled"
            maxLength={100}
            value={note}
            onChange={event => setNote(event.target.value)}
          />
        </label>
        <Trouble error={failure} trans={trans} />
        <div className="jp-MeshForm-buttons">
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={close}
          >
            {trans.__('Cancel')}
          </button>
          <button className="jp-mod-styled jp-mod-accept">
            {isBusy ? trans.__('One moment…') : trans.__('Create invitation')}
          </button>
        </div>
      </form>
    </div>
  );
}

/** What can be copied, and that it was. */
function Sending(props: {
  ready: IReadyInvitation;
  trans: TranslationBundle;
}): JSX.Element {
  const { ready, trans } = props;
  const [said, setSaid] = React.useState('');
  const copy = (text: string, words: string) => (): void => {
    Clipboard.copyToSystem(text);
    setSaid(words);
  };
  const { subject, body } = ready.mail;
  return (
    <>
      <p>{sendWords(ready.expires, trans)}</p>
      <div className="jp-MeshForm-choices">
        <button
          className="jp-mod-styled jp-mod-accept"
          onClick={copy(ready.link, trans.__('Link copied.'))}
        >
          {trans.__('Copy link')}
        </button>
        <button
          className="jp-mod-styled jp-mod-reject"
          onClick={copy(
            `${subject}\n\n${body}`,
            trans.__('Text for an e-mail copied.')
          )}
        >
          {trans.__('Copy text for an e-mail')}
        </button>
      </div>
      <details>
        <summary>{trans.__('Code')}</summary>
        <p>
          {trans.__(
            'For programs that take no link: paste it where an invitation is asked for.'
          )}
        </p>
        <div className="jp-MeshForm-choices">
          <code>{ready.code}</code>
          <button
            className="jp-mod-styled jp-mod-reject"
            onClick={copy(ready.code, trans.__('Code copied.'))}
          >
            {trans.__('Copy code')}
          </button>
        </div>
      </details>
      <p className="jp-MeshForm-said" role="status">
        {said}
      </p>
    </>
  );
}
