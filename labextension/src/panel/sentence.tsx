// What stands in place of a list: a sentence with buttons, or grey rows.
import type { TranslationBundle } from '@jupyterlab/translation';

import * as React from 'react';

interface IButton {
  label: string;
  onClick: () => void;
  isPrimary?: boolean;
  isDisabled?: boolean;
}

/** What is wrong or missing, with what one can do about it. */
export function Sentence(props: {
  kind: string;
  role: 'alert' | 'status';
  text: string;
  buttons?: IButton[];
}): JSX.Element {
  return (
    <div className="jp-MeshNotice-box" data-kind={props.kind} role={props.role}>
      <p>{props.text}</p>
      {props.buttons?.length ? (
        <div className="jp-MeshNotice-buttons">
          {props.buttons.map(button => (
            <button
              key={button.label}
              className={`jp-mod-styled ${button.isPrimary ? 'jp-mod-accept' : 'jp-mod-reject'}`}
              disabled={button.isDisabled}
              onClick={button.onClick}
            >
              {button.label}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

/** Grey rows in place of a list that takes its time. */
export function Skeleton(props: { trans: TranslationBundle }): JSX.Element {
  return (
    <div
      className="jp-MeshNotice-skeleton"
      role="status"
      aria-label={props.trans.__('Loading…')}
    >
      {[62, 44, 70, 38, 55].map(width => (
        <div key={width} style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
