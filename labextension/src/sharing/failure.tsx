// A failure beside what failed: a sentence, and for who asks what the operators of the site need.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IFailure } from './api';

import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

export function FailureLine(props: {
  failure: IFailure;
  /** What failed, before the reason, or nothing where the reason says it. */
  text?: string;
  onRetry?: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { failure, text, onRetry, trans } = props;
  const { message, status, trace } = failure;
  const [time] = React.useState(() => new Date().toISOString());
  const facts: [string, string][] = [
    [trans.__('Time'), time],
    ...(status
      ? ([[trans.__('Code'), String(status)]] as [string, string][])
      : []),
    ...(trace ? ([[trans.__('Reference'), trace]] as [string, string][]) : [])
  ];
  return (
    <div className="jp-MeshShare-failure" role="alert">
      <p>{text ? trans.__('%1 %2', text, message) : message}</p>
      <div className="jp-MeshShare-buttons">
        {onRetry && (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={onRetry}
          >
            {trans.__('Retry')}
          </button>
        )}
        <details>
          <summary>{trans.__('Details')}</summary>
          <dl>
            {facts.map(([name, value]) => (
              <React.Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </React.Fragment>
            ))}
          </dl>
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={() =>
              Clipboard.copyToSystem(
                [message, ...facts.map(fact => fact.join(': '))].join('\n')
              )
            }
          >
            {trans.__('Copy')}
          </button>
        </details>
      </div>
    </div>
  );
}
