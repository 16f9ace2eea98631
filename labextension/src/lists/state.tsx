// What stands above or in place of a list: that it comes, that it failed, that it is old, that there is more.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IFailure } from '../sharing/api';

import * as React from 'react';

import { Skeleton } from '../panel/sentence';
import { failureOf } from '../sharing/api';
import { FailureLine } from '../sharing/failure';
import type { SectionModel } from './section';

/** The error or the grey rows of a list; `isKnown` says that there is a list to show. */
export function ListState(props: {
  model: SectionModel;
  isKnown: boolean;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, trans } = props;
  const { failure } = model;
  if (failure && model.isOnline) {
    return (
      <Trouble
        error={failure}
        onRetry={() => void model.refresh()}
        trans={trans}
      />
    );
  }
  if (!model.isOnline) {
    return (
      <p className="jp-MeshRows-old" role="status">
        {props.isKnown
          ? trans.__(
              '%1 does not answer: this was last known.',
              model.siteTitle
            )
          : trans.__('%1 does not answer.', model.siteTitle)}
      </p>
    );
  }
  return props.isKnown ? null : (
    <div className="jp-MeshRows-waiting">
      <Skeleton trans={trans} />
    </div>
  );
}

/** How much of a long list is shown, and the way to the rest. */
export function ShowMore(props: {
  shown: number;
  total: number;
  onMore: () => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { shown, total, trans } = props;
  return shown < total ? (
    <div className="jp-MeshRows-rest">
      <span role="status">{trans.__('%1 of %2 shown', shown, total)}</span>
      <button className="jp-mod-styled jp-mod-reject" onClick={props.onMore}>
        {trans.__('Show more')}
      </button>
    </div>
  ) : null;
}

/** An error beside what failed, with what operators want to know below a fold. */
export function Trouble(props: {
  error: Error | null;
  onRetry?: () => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { error } = props;
  const [known, setKnown] = React.useState<{
    error: Error;
    failure: IFailure;
  } | null>(null);
  React.useEffect(() => {
    let isOld = false;
    if (error) {
      void failureOf(error).then(failure => {
        if (!isOld) {
          setKnown({ error, failure });
        }
      });
    }
    return () => {
      isOld = true;
    };
  }, [error]);
  return error && known?.error === error ? (
    <FailureLine
      failure={known.failure}
      onRetry={props.onRetry}
      trans={props.trans}
    />
  ) : null;
}
