// What the site can and cannot do for sharing, among the details.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Abilities, AbilityName } from '../sharing/api';

import * as React from 'react';

/** In the order in which people miss it. */
function names(trans: TranslationBundle): [AbilityName, string][] {
  return [
    ['userShares', trans.__('Shares with people of this site')],
    ['groupShares', trans.__('Shares with groups')],
    ['federated', trans.__('Shares with people at other institutions')],
    ['invitations', trans.__('Invites people of other institutions')],
    ['withdrawInvitations', trans.__('Withdraws invitations')],
    ['contacts', trans.__('Keeps contacts at other institutions')],
    ['sites', trans.__('Knows other institutions by name')],
    ['projects', trans.__('Projects with people at several institutions')],
    ['links', trans.__('Links that open for whoever has them')],
    ['linkPasswords', trans.__('Links with a password')],
    ['linkUploads', trans.__('Links for uploads')],
    ['uploader', trans.__('Shares in which others can only upload')],
    ['shareExpiry', trans.__('Shares that end by themselves')],
    ['shareNotes', trans.__('Notes to those with whom you share')]
  ];
}

/** Nothing while the site has not said it. */
export function SharingDetails(props: {
  abilities: Abilities | null;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { abilities, trans } = props;
  if (!abilities) {
    return null;
  }
  return (
    <>
      <h3>{trans.__('Sharing')}</h3>
      <ul aria-label={trans.__('Sharing')}>
        {names(trans).map(([key, name]) => {
          const { can, why } = abilities[key];
          return (
            <li key={key} data-can={can}>
              <span className="jp-MeshDetails-can">
                {can ? trans.__('yes') : trans.__('no')}
              </span>
              <span>
                {name}
                {!can && why && (
                  <span className="jp-MeshDetails-lack">{why}</span>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
