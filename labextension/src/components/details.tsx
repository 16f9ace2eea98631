// The dialog behind the account line: for people who ask, with the words for operators.
import type { ISiteStatus } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { describeState, formatBytes, formatSince } from './format';

interface IDetailsProps {
  status: ISiteStatus;
  trans: TranslationBundle;
}

/** What a site may offer, in the order in which people miss it. */
function featureNames(trans: TranslationBundle): [string, string][] {
  return [
    [
      'conditions',
      trans.__('Notices when two people save the same file at once')
    ],
    ['locks', trans.__('Shows who is editing a file')],
    [
      'version_downloads',
      trans.__('Lets you look at an earlier version before you restore it')
    ],
    ['ranges', trans.__('Reads parts of large files')],
    ['tus', trans.__('Goes on with uploads that were interrupted')],
    ['tree_etags', trans.__('Sees quickly what has changed in a folder')]
  ];
}

export function Details(props: IDetailsProps): JSX.Element {
  const { status, trans } = props;
  if (status.state === 'not-configured') {
    return <SetUp trans={trans} />;
  }
  const rows: [string, string][] = [
    [trans.__('Site'), status.site.title],
    [trans.__('Address'), status.site.gateway],
    [
      trans.__('State'),
      trans.__(
        '%1 since %2',
        describeState(status, trans),
        formatSince(new Date(status.since))
      )
    ]
  ];
  if (status.user) {
    const { displayName, username } = status.user;
    rows.push([trans.__('User name'), username]);
    if (displayName !== username) {
      rows.push([trans.__('Name'), displayName]);
    }
  }
  if (status.quota) {
    rows.push([trans.__('Used'), formatBytes(status.quota.used)]);
    if (status.quota.total) {
      rows.push([trans.__('Limit'), formatBytes(status.quota.total)]);
    }
  }
  if (status.trace) {
    rows.push([trans.__('Reference'), status.trace]);
  }
  const known = featureNames(trans).filter(([key]) => key in status.features);
  return (
    <div className="jp-MeshDetails">
      {status.message && <p role="status">{status.message}</p>}
      <dl>
        {rows
          .filter(([, value]) => value)
          .map(([term, value]) => (
            <React.Fragment key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </React.Fragment>
          ))}
      </dl>
      {known.length > 0 && (
        <>
          <h3>{trans.__('What this site can do')}</h3>
          <ul>
            {known.map(([key, name]) => (
              <li key={key} data-can={status.features[key]}>
                <span className="jp-MeshDetails-can">
                  {status.features[key] ? trans.__('yes') : trans.__('no')}
                </span>
                {name}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** What to do before there is a site. */
function SetUp(props: { trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return (
    <div className="jp-MeshDetails">
      <p>
        {trans.__(
          'Jupyter has to know your site, its address, and where your login is kept. Sign in once, then start Jupyter with all three:'
        )}
      </p>
      <pre>
        {[
          'jupyter mesh login --gateway HOST:PORT --username NAME --token-file ~/.mesh-token',
          'MESH_SITE=NAME MESH_GATEWAY=HOST:PORT MESH_TOKEN_FILE=~/.mesh-token jupyter lab \\',
          '  --ServerApp.contents_manager_class=jupyter_mesh.contents.CompositeContentsManager'
        ].join('\n')}
      </pre>
      <p>
        {trans.__(
          '"jupyter mesh doctor" checks a set-up and says what is missing.'
        )}
      </p>
    </div>
  );
}

/** The body of the dialog. */
export class DetailsBody extends ReactWidget {
  constructor(private _props: IDetailsProps) {
    super();
  }

  protected override render(): JSX.Element {
    return <Details {...this._props} />;
  }
}
