// Finds an institution by its name or address.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISite } from '../sharing/api';

import * as React from 'react';

/** Milliseconds of a pause in typing after which sites are searched. */
const PAUSE = 300;

/** A known site is picked from the list; another one by its address. The own one is not offered. */
export function SiteSearch(props: {
  find: (text: string) => Promise<ISite[]>;
  onPick: (domain: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [text, setText] = React.useState('');
  const [sites, setSites] = React.useState<ISite[] | null>(null);
  const [problem, setProblem] = React.useState('');
  const wanted = text.trim();
  React.useEffect(() => {
    let isOld = false;
    const timer = window.setTimeout(
      () => {
        props.find(wanted).then(
          found => {
            if (!isOld) {
              setSites(found.filter(site => !site.own));
              setProblem('');
            }
          },
          (error: Error) => {
            if (!isOld) {
              setProblem(error.message);
            }
          }
        );
      },
      sites === null ? 0 : PAUSE
    );
    return () => {
      isOld = true;
      window.clearTimeout(timer);
    };
  }, [wanted]);

  // An address has a dot or a port; what is listed need not be typed.
  const isAddress =
    /^[^\s/@]+[.:][^\s/@]+$/.test(wanted) &&
    !sites?.some(site => site.domain === wanted);
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        const [first] = sites ?? [];
        const domain = isAddress ? wanted : first?.domain;
        if (domain && (isAddress || sites?.length === 1)) {
          props.onPick(domain);
        }
      }}
    >
      <label>
        {trans.__('Name or address of the institution')}
        <input
          type="search"
          className="jp-mod-styled"
          autoComplete="off"
          value={text}
          onChange={event => setText(event.target.value)}
        />
      </label>
      {problem && <p role="alert">{problem}</p>}
      <p className="jp-MeshForm-hint" role="status">
        {sites === null
          ? ''
          : trans._n(
              '%1 institution found',
              '%1 institutions found',
              sites.length,
              sites.length
            )}
      </p>
      <ul className="jp-MeshForm-sites" aria-label={trans.__('Institutions')}>
        {sites?.map(site => (
          <li key={site.domain}>
            <button
              type="button"
              title={site.lists.join(', ')}
              onClick={() => props.onPick(site.domain)}
            >
              <span>{site.title || site.domain}</span>
              <span className="jp-MeshForm-hint">{site.domain}</span>
            </button>
          </li>
        ))}
        {isAddress && (
          <li>
            <button type="button" onClick={() => props.onPick(wanted)}>
              {trans.__('Ask at "%1"', wanted)}
            </button>
          </li>
        )}
      </ul>
    </form>
  );
}
