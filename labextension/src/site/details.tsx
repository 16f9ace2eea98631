// The dialog behind the account line: for people who ask, with the words for operators.
import type { Abilities } from '../sharing/api';
import type { IMountStatus, ISiteStatus } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { SharingDetails } from './abilities';
import { describeState, formatBytes, formatSince } from '../format';

interface IDetailsProps {
  status: ISiteStatus;
  /** Null while nothing is known of it. */
  mount: IMountStatus | null;
  /** Null while nothing is known of them. */
  abilities: Abilities | null;
  trans: TranslationBundle;
}

/** Something that a site may offer. */
interface IFeature {
  key: string;
  name: string;
  /** What follows where the site does not offer it. */
  lack: string;
}

/** In the order in which people miss it. */
function features(trans: TranslationBundle): IFeature[] {
  return [
    {
      key: 'conditions',
      name: trans.__('Notices when two people save the same file at once'),
      lack: trans.__(
        'Before each save it is compared whether the file has changed, but a change within that same moment is replaced without a question.'
      )
    },
    {
      key: 'locks',
      name: trans.__('Shows who is editing a file'),
      lack: trans.__(
        'Two people can edit the same file without knowing of each other. The second one is asked when saving.'
      )
    },
    {
      key: 'version_downloads',
      name: trans.__(
        'Lets you look at an earlier version before you restore it'
      ),
      lack: trans.__('An earlier version can be seen only by restoring it.')
    },
    {
      key: 'ranges',
      name: trans.__('Reads parts of large files'),
      lack: trans.__(
        'A part of a large file is there only after the whole file was fetched.'
      )
    },
    {
      key: 'tus',
      name: trans.__('Goes on with uploads that were interrupted'),
      lack: trans.__(
        'An upload that breaks between Jupyter and the site is sent again from its beginning.'
      )
    },
    {
      key: 'tree_etags',
      name: trans.__('Sees quickly what has changed in a folder'),
      lack: trans.__('Every look at a folder reads all of it.')
    }
  ];
}

export function Details(props: IDetailsProps): JSX.Element {
  const { status, mount, trans } = props;
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
  if (mount) {
    rows.push([
      trans.__('Mounted'),
      mount.state === 'none' ? mount.message : (mount.dir ?? '')
    ]);
  }
  if (status.trace) {
    rows.push([trans.__('Reference'), status.trace]);
  }
  const words = {
    true: trans.__('yes'),
    false: trans.__('no'),
    undefined: trans.__('not tried yet')
  };
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
      <h3>{trans.__('What this site can and cannot do')}</h3>
      <ul>
        {features(trans).map(({ key, name, lack }) => {
          const can = status.features[key];
          return (
            <li key={key} data-can={can}>
              <span className="jp-MeshDetails-can">
                {words[`${can}` as keyof typeof words]}
              </span>
              <span>
                {name}
                {can === false && (
                  <span className="jp-MeshDetails-lack">{lack}</span>
                )}
              </span>
            </li>
          );
        })}
      </ul>
      <SharingDetails abilities={props.abilities} trans={trans} />
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
    // It may be longer than the screen: the keyboard scrolls it.
    this.node.tabIndex = 0;
  }

  protected override render(): JSX.Element {
    return <Details {...this._props} />;
  }
}
