// What stands above or in place of a list: that it comes, that it failed, that it is old, that there is more.
import type { TranslationBundle } from '@jupyterlab/translation';

import { Clipboard, Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatExact } from '../format';
import { Sentence, Skeleton } from '../panel/sentence';
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
      <Sentence
        kind="error"
        role="alert"
        text={failure.message}
        buttons={[
          { label: trans.__('Retry'), onClick: () => void model.refresh() },
          {
            label: trans.__('Details'),
            onClick: () => void showFailure(failure, trans)
          }
        ]}
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

/** Code, time and reference of a failure, for whoever helps. */
export async function showFailure(
  failure: Error,
  trans: TranslationBundle
): Promise<void> {
  const text = describeFailure(failure, trans);
  const dialog = new Dialog({
    title: trans.__('Details'),
    body: ReactWidget.create(
      <div className="jp-MeshDetails">
        <p>{failure.message}</p>
        <pre>{text}</pre>
      </div>
    ),
    buttons: [
      Dialog.createButton({ label: trans.__('Copy'), accept: true }),
      Dialog.cancelButton({ label: trans.__('Close') })
    ],
    defaultButton: 1
  });
  dialog.node.ariaLabel = trans.__('Details');
  const { button } = await dialog.launch();
  if (button.accept) {
    Clipboard.copyToSystem(`${failure.message}\n${text}`);
  }
}

/** What `showFailure` shows below the sentence. */
export function describeFailure(
  failure: Error,
  trans: TranslationBundle,
  now = new Date()
): string {
  const { response, trace } = failure as {
    response?: Response;
    trace?: string;
  };
  const lines = [trans.__('Time: %1', formatExact(now.toISOString()))];
  if (response) {
    lines.push(trans.__('Code: %1', response.status));
  }
  if (trace) {
    lines.push(trans.__('Reference: %1', trace));
  }
  return lines.join('\n');
}
