// The list of versions, and what can be done with the one that is chosen.
import type { TranslationBundle } from '@jupyterlab/translation';

import { PathExt } from '@jupyterlab/coreutils';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Look, VersionsModel } from './model';
import { formatAgo, formatBytes, formatExact } from '../format';
import { Sentence, Skeleton } from '../panel/sentence';

/** What the buttons do. */
export interface IVersionActions {
  restore: () => void;
  download: () => void;
  retry: () => void;
}

interface IProps {
  model: VersionsModel;
  site: string;
  trans: TranslationBundle;
}

/** One tab stop: arrow keys, Home and End choose. */
export function VersionList(props: IProps): JSX.Element {
  const { model, trans } = props;
  const past = model.past;
  const list = React.useRef<HTMLUListElement>(null);
  if (!past) {
    return model.failure ? <></> : <Skeleton trans={trans} />;
  }
  const items = [{ id: null, author: null, ...past.current }, ...past.versions];
  const index = items.findIndex(item => item.id === (model.chosen?.id ?? null));

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const last = items.length - 1;
    const next = {
      ArrowUp: Math.max(0, index - 1),
      ArrowDown: Math.min(last, index + 1),
      Home: 0,
      End: last
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      void model.choose(items[next].id);
      list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
    }
  };

  return (
    <>
      <ul
        ref={list}
        className="jp-MeshVersions-list"
        role="listbox"
        aria-label={trans.__('Versions of %1', PathExt.basename(model.path))}
        aria-activedescendant={`jp-mesh-version-${index}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        {items.map((item, position) => (
          <li
            key={item.id ?? ''}
            id={`jp-mesh-version-${position}`}
            role="option"
            aria-selected={position === index}
            title={formatExact(item.modified)}
            onClick={() => void model.choose(item.id)}
          >
            <span className="jp-MeshVersions-when">
              {item.id === null
                ? trans.__('Now: %1', formatAgo(item.modified, trans))
                : formatAgo(item.modified, trans)}
            </span>
            <span className="jp-MeshVersions-facts">
              {item.author
                ? trans.__('%1, %2', item.author, formatBytes(item.size))
                : formatBytes(item.size)}
            </span>
          </li>
        ))}
      </ul>
      {!past.versions.length && (
        <p className="jp-MeshVersions-note" role="status">
          {past.kept
            ? trans.__(
                'There is no earlier version yet. One is kept whenever the file is saved.'
              )
            : trans.__('This site keeps no versions.')}
        </p>
      )}
      {past.versions.length > 0 && !past.canShow && (
        <p className="jp-MeshVersions-note" role="status">
          {trans.__(
            '%1 can restore versions, but not show them. Restoring loses nothing: the present content becomes a version.',
            props.site || trans.__('This site')
          )}
        </p>
      )}
    </>
  );
}

/** What the chosen version is, and what can be done with it. */
export function VersionHeader(
  props: IProps & { actions: IVersionActions }
): JSX.Element {
  const { model, trans, actions } = props;
  const { chosen, past } = model;
  if (model.isGone) {
    return (
      <Sentence
        kind="error"
        role="alert"
        text={trans.__(
          '"%1" was deleted. The bin in the Mesh panel has it, with its versions.',
          PathExt.basename(model.path)
        )}
      />
    );
  }
  if (model.failure) {
    return (
      <Sentence
        kind="error"
        role="alert"
        text={model.failure}
        buttons={[
          {
            label: trans.__('Retry'),
            onClick: actions.retry,
            isDisabled: model.isLoading
          }
        ]}
      />
    );
  }
  if (!past) {
    return <></>;
  }
  const looks: [Look, string][] = [['preview', trans.__('Preview')]];
  if (chosen) {
    looks.push(['file', trans.__('Compare with the file')]);
  }
  if (model.hasUnsaved) {
    looks.push(['unsaved', trans.__('Compare with your unsaved text')]);
  }
  const canShow = !chosen || past.canShow;
  return (
    <div className="jp-MeshVersions-header">
      <h2>
        {chosen ? formatExact(chosen.modified) : trans.__('The file as it is')}
      </h2>
      {canShow && looks.length > 1 && (
        <div
          className="jp-MeshVersions-looks"
          role="group"
          aria-label={trans.__('View')}
        >
          {looks.map(([look, label]) => (
            <button
              key={look}
              aria-pressed={model.look === look}
              onClick={() => void model.choose(chosen?.id ?? null, look)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      {chosen && (
        <div className="jp-MeshVersions-actions">
          {canShow && (
            <button
              className="jp-mod-styled jp-mod-reject"
              onClick={actions.download}
            >
              {trans.__('Download')}
            </button>
          )}
          <button
            className="jp-mod-styled jp-mod-accept"
            onClick={actions.restore}
          >
            {trans.__('Restore…')}
          </button>
        </div>
      )}
    </div>
  );
}

/** The list as a widget. */
export class VersionListWidget extends ReactWidget {
  constructor(private _props: IProps) {
    super();
    this.addClass('jp-MeshVersions-side');
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._props.model.stateChanged}>
        {() => <VersionList {...this._props} />}
      </UseSignal>
    );
  }
}

/** The header as a widget. */
export class VersionHeaderWidget extends ReactWidget {
  constructor(private _props: IProps & { actions: IVersionActions }) {
    super();
    this.addClass('jp-MeshVersions-top');
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._props.model.stateChanged}>
        {() => <VersionHeader {...this._props} />}
      </UseSignal>
    );
  }
}
