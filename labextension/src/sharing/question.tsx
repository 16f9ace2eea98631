// What has to be decided before something is sent, inside the dialog: Lab shows one dialog after the other.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IPerson, IPlace, Kind } from './api';
import type { ShareModel } from './model';

import { PathExt } from '@jupyterlab/coreutils';
import * as React from 'react';

import { nameOf } from './words';

/** The sentence of the warning before others at another site may change something. */
export function abroadWords(
  people: readonly IPerson[],
  kind: Kind | undefined,
  trans: TranslationBundle
): string {
  const sites = Array.from(
    new Set(
      people.map(({ site }) =>
        site && site.title !== site.domain
          ? trans.__('%1 (%2)', site.title, site.domain)
          : (site?.domain ?? '')
      )
    )
  ).join(', ');
  const names = people.map(person => nameOf(person, trans)).join(', ');
  const who =
    people.length === 1
      ? trans.__('%1 works at %2.', names, sites)
      : trans.__('%1 work elsewhere: %2.', names, sites);
  const what =
    kind === 'file'
      ? trans.__('People there will be able to change this file.')
      : trans.__('People there will be able to change files in this folder.');
  return trans.__('%1 %2 Copies they make stay with them.', who, what);
}

interface IButton {
  label: string;
  onClick: () => void;
  isWarning?: boolean;
}

/** Asks, with the focus on the safe answer or on the one that goes on. */
export function QuestionView(props: {
  model: ShareModel;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, trans } = props;
  const { question } = model;
  if (!question) {
    return null;
  }
  const yes = (label: string, isWarning = false): IButton => ({
    label,
    isWarning,
    onClick: () => void model.answer(true)
  });
  switch (question.kind) {
    case 'abroad':
      return (
        <Ask
          text={abroadWords(question.people, model.access?.kind, trans)}
          buttons={[yes(trans.__('Share'))]}
          model={model}
          trans={trans}
        />
      );
    case 'link':
      return (
        <Ask
          text={trans.__(
            'Whoever has this link loses access. A new link will have another address.'
          )}
          buttons={[yes(trans.__('Remove link'), true)]}
          isCareful
          model={model}
          trans={trans}
        />
      );
    default: {
      const { who, failure, paths } = question;
      const above = aboveOf(model.place, paths);
      return (
        <Ask
          text={failure.message}
          list={paths}
          buttons={[
            ...(failure.conflict?.canForce
              ? [
                  yes(
                    trans.__('Replace by this one for %1', nameOf(who, trans)),
                    true
                  )
                ]
              : []),
            ...(above
              ? [
                  {
                    label: trans.__('Change it at "%1"', above.name),
                    onClick: () => model.goTo(above)
                  }
                ]
              : [])
          ]}
          isCareful
          model={model}
          trans={trans}
        />
      );
    }
  }
}

/** The nearest folder above a place among some paths, which the site may begin elsewhere than Jupyter. */
export function aboveOf(
  place: IPlace,
  paths: readonly string[]
): IPlace | null {
  const ends = paths.map(path => `/${path.replace(/^[/]+|[/]+$/g, '')}`);
  for (
    let path = PathExt.dirname(place.path);
    path;
    path = PathExt.dirname(path)
  ) {
    if (ends.some(end => `/${path}`.endsWith(end))) {
      return { path, name: PathExt.basename(path) };
    }
  }
  return null;
}

function Ask(props: {
  text: string;
  list?: readonly string[];
  buttons: IButton[];
  /** True where the first answer is not to be given by accident. */
  isCareful?: boolean;
  model: ShareModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { text, list = [], buttons, model, trans } = props;
  const id = React.useId();
  const box = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const choices = Array.from(box.current!.querySelectorAll('button'));
    const first = props.isCareful ? choices[choices.length - 1] : choices[0];
    first.focus();
    first.scrollIntoView?.({ block: 'nearest' });
    return () => {
      if (before?.isConnected) {
        before.focus();
      }
    };
  }, []);
  return (
    <div
      ref={box}
      className="jp-MeshShare-question"
      role="alertdialog"
      aria-labelledby={id}
    >
      <p id={id}>{text}</p>
      {list.length > 0 && (
        <ul>
          {list.map(path => (
            <li key={path}>{path}</li>
          ))}
        </ul>
      )}
      <div className="jp-MeshShare-buttons">
        {buttons.map(button => (
          <button
            key={button.label}
            type="button"
            className={`jp-mod-styled ${button.isWarning ? 'jp-mod-warn' : 'jp-mod-accept'}`}
            onClick={button.onClick}
          >
            {button.label}
          </button>
        ))}
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject"
          onClick={() => void model.answer(false)}
        >
          {trans.__('Cancel')}
        </button>
      </div>
    </div>
  );
}
