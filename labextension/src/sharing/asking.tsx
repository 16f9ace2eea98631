// Where one cannot share: why, who can, and words with which to ask them.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IAccess, IPerson } from './api';

import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import { Sentence } from '../panel/sentence';
import { nameOf } from './words';

/** A text for whoever can allow it, to be sent by the user's own means. */
export function askingText(
  owner: IPerson,
  access: Pick<IAccess, 'name' | 'me'>,
  trans: TranslationBundle
): string {
  const wish =
    access.me.role === 'viewer'
      ? trans.__(
          'I can view "%1", which you share with me, but not change it. Could you let me edit it?',
          access.name
        )
      : trans.__(
          'I would like to share "%1" with others. Could you share it with them?',
          access.name
        );
  return `${trans.__('Hello %1,', nameOf(owner, trans))}\n\n${wish}`;
}

/** Nothing is sent: the text is copied, and shown. */
export function AskForAccess(props: {
  access: IAccess;
  /** Why one cannot share. */
  why: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { access, why, trans } = props;
  const { owner, me } = access;
  const [copied, setCopied] = React.useState('');
  if (!owner || me.role === 'owner') {
    return <Sentence kind="warning" role="status" text={why} />;
  }
  const words =
    me.role === 'viewer'
      ? trans.__(
          'You can view "%1" but not change or share it. %2 (owner) can allow it.',
          access.name,
          nameOf(owner, trans)
        )
      : why;
  return (
    <>
      <Sentence
        kind="warning"
        role="status"
        text={words}
        buttons={[
          {
            label: trans.__('Ask for access'),
            onClick: () => {
              const text = askingText(owner, access, trans);
              Clipboard.copyToSystem(text);
              setCopied(text);
            }
          }
        ]}
      />
      <div role="status">
        {copied && (
          <>
            {trans.__('Copied. Send it to %1:', nameOf(owner, trans))}
            <pre className="jp-MeshShare-asking">{copied}</pre>
          </>
        )}
      </div>
    </>
  );
}
