// Parts of dialogs with several steps.
import type { TranslationBundle } from '@jupyterlab/translation';

import * as React from 'react';

import { describeFailure } from '../lists/state';

/** What failed, with what operators want to know below a fold. */
export function Problem(props: {
  failure: Error | null;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { failure, trans } = props;
  return failure ? (
    <div className="jp-MeshForm-problem">
      <p role="alert">{failure.message}</p>
      <details>
        <summary>{trans.__('Details')}</summary>
        <pre>{describeFailure(failure, trans)}</pre>
      </details>
    </div>
  ) : null;
}

/** Gives the keyboard to what is first to do in each step but the one the dialog opens with. */
export function useStepFocus(step: unknown): React.RefObject<HTMLDivElement> {
  const body = React.useRef<HTMLDivElement>(null);
  const first = React.useRef(step);
  React.useEffect(() => {
    if (first.current !== step) {
      first.current = step;
      const node = body.current;
      (
        node?.querySelector<HTMLElement>('.jp-mod-accept') ??
        node?.querySelector<HTMLElement>('input, textarea, button')
      )?.focus();
    }
  }, [step]);
  return body;
}
