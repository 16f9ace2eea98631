// The dialog that takes an invitation: it shows who invites before anything is sent to them.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IInvitationRead, IPerson, ISite } from '../sharing/api';
import type { Received } from './api';

import * as React from 'react';

import { useStepFocus } from '../dialogs/steps';
import { Trouble } from '../lists/state';
import { Skeleton } from '../panel/sentence';
import { nameOf } from '../sharing/words';
import { SiteSearch } from './sitesearch';
import { consentWords, invitedWords, siteWords } from './words';

interface IAcceptProps {
  /** What led here, or null: then the user is asked for it. */
  received: Received | null;
  /** Changes nothing. */
  read: (received: Received, site: string | null) => Promise<IInvitationRead>;
  accept: (received: Received, site: string | null) => Promise<IPerson>;
  findSites: (text: string) => Promise<ISite[]>;
  onAccepted: (contact: IPerson | null) => void;
  close: () => void;
  trans: TranslationBundle;
}

type Step =
  | { kind: 'ask' }
  | { kind: 'reading' }
  | { kind: 'site' }
  | { kind: 'own'; site: ISite | null }
  | { kind: 'consent'; read: IInvitationRead }
  | { kind: 'done'; words: string };

/** HTTP code with which a site says that both know each other. */
const ALREADY = 409;

export function AcceptForm(props: IAcceptProps): JSX.Element {
  const { close, trans } = props;
  const [text, setText] = React.useState('');
  const [site, setSite] = React.useState<string | null>(null);
  const [step, setStep] = React.useState<Step>({
    kind: props.received ? 'reading' : 'ask'
  });
  const [failure, setFailure] = React.useState<Error | null>(null);
  const [isBusy, setBusy] = React.useState(false);
  const body = useStepFocus(step.kind);
  const received = props.received ?? { text };

  /** One request at a time; what fails is said below, and everything stays as it is. */
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await act();
    } catch (error) {
      setFailure(error as Error);
    }
    setBusy(false);
  };
  const read = (from: string | null, given = received): Promise<void> =>
    attempt(async () => {
      const answer = await props.read(given, from);
      setSite(from);
      if (answer.own) {
        setStep({ kind: 'own', site: answer.site });
      } else if (answer.needsSite || !answer.site) {
        setStep({ kind: 'site' });
      } else {
        setStep({ kind: 'consent', read: answer });
      }
    });
  const accept = (read: IInvitationRead): Promise<void> =>
    attempt(async () => {
      const place = siteWords(read.site, trans);
      try {
        const contact = await props.accept(received, site);
        props.onAccepted(contact);
        setStep({
          kind: 'done',
          words: trans.__(
            'You and %1 (%2) are contacts now: you can share with each other.',
            nameOf(contact, trans),
            contact.site?.title || read.site?.title || place
          )
        });
      } catch (error) {
        const { response } = error as { response?: Response };
        if (response?.status !== ALREADY) {
          throw error;
        }
        props.onAccepted(null);
        setStep({
          kind: 'done',
          words: trans.__(
            'You and the person at %1 are contacts already: you can share with each other.',
            place
          )
        });
      }
    });
  React.useEffect(() => {
    if (props.received) {
      void read(null);
    }
  }, []);

  const problem = <Trouble error={failure} trans={trans} />;
  const notNow = (
    <button
      type="button"
      className="jp-mod-styled jp-mod-reject"
      onClick={close}
    >
      {trans.__('Not now')}
    </button>
  );
  switch (step.kind) {
    case 'ask':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <form
            onSubmit={event => {
              event.preventDefault();
              if (!isBusy && text.trim()) {
                void read(null);
              }
            }}
          >
            <label>
              {trans.__('Paste the link, the code or the whole e-mail')}
              <textarea
                className="jp-mod-styled"
                rows={4}
                spellCheck={false}
                autoComplete="off"
                value={text}
                onChange={event => {
                  const { value } = event.target;
                  const { inputType } = event.nativeEvent as InputEvent;
                  setText(value);
                  setFailure(null);
                  // What is pasted is all there is: reading it tells nobody.
                  if (inputType === 'insertFromPaste' && !isBusy) {
                    void read(null, { text: value });
                  }
                }}
                onKeyDown={event => {
                  if (event.key === 'Enter' && !event.shiftKey) {
                    event.preventDefault();
                    event.currentTarget.form?.requestSubmit();
                  }
                }}
              />
            </label>
            <p className="jp-MeshForm-hint">
              {trans.__(
                'Nothing is sent to anybody yet: first you see who invites you.'
              )}
            </p>
            {problem}
            <div className="jp-MeshForm-buttons">
              {notNow}
              <button
                className="jp-mod-styled jp-mod-accept"
                aria-disabled={isBusy || !text.trim()}
              >
                {isBusy ? trans.__('One moment…') : trans.__('Continue')}
              </button>
            </div>
          </form>
        </div>
      );
    case 'reading':
      return (
        <div ref={body} className="jp-MeshForm-body">
          {failure ? (
            problem
          ) : (
            <div className="jp-MeshRows-waiting">
              <Skeleton trans={trans} />
            </div>
          )}
          <div className="jp-MeshForm-buttons">
            {notNow}
            {failure && (
              <button
                className="jp-mod-styled jp-mod-accept"
                onClick={() => void read(null)}
              >
                {trans.__('Retry')}
              </button>
            )}
          </div>
        </div>
      );
    case 'site':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p>
            {trans.__(
              'This invitation does not say where it is from. Which institution is the person at who invites you?'
            )}
          </p>
          <SiteSearch
            find={props.findSites}
            onPick={domain => void read(domain)}
            trans={trans}
          />
          {problem}
          <div className="jp-MeshForm-buttons">{notNow}</div>
        </div>
      );
    case 'own':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p role="status">
            {trans.__(
              'This invitation is from %1, where you are at home. You can share with people there without an invitation; send it to somebody at another institution.',
              siteWords(step.site, trans)
            )}
          </p>
          <div className="jp-MeshForm-buttons">
            <button className="jp-mod-styled jp-mod-accept" onClick={close}>
              {trans.__('Close')}
            </button>
          </div>
        </div>
      );
    case 'consent':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p>{invitedWords(step.read, trans)}</p>
          <p>{consentWords(step.read, trans)}</p>
          {problem}
          <div className="jp-MeshForm-buttons">
            {notNow}
            <button
              className="jp-mod-styled jp-mod-accept"
              aria-disabled={isBusy}
              onClick={() => {
                if (!isBusy) {
                  void accept(step.read);
                }
              }}
            >
              {isBusy ? trans.__('One moment…') : trans.__('Accept')}
            </button>
          </div>
        </div>
      );
    case 'done':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p role="status">{step.words}</p>
          <div className="jp-MeshForm-buttons">
            <button className="jp-mod-styled jp-mod-accept" onClick={close}>
              {trans.__('Close')}
            </button>
          </div>
        </div>
      );
  }
}
