// The line about the mount below the account, and what it had to keep twice.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMeshModel, IMountConflict, IMountStatus } from '../tokens';
import type { MeshModel } from '../site/model';

import { PathExt } from '@jupyterlab/coreutils';
import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import { conflictText, lineFor } from './words';

/** Conflicts that are drawn; the others come when these are dismissed. */
const SHOWN = 5;

/** What the buttons do. */
export interface IMountActions {
  /** Uploads what waits. */
  tryNow: () => void;
  open: (conflict: IMountConflict) => void;
  compare: (conflict: IMountConflict) => void;
  /** Forgets all conflicts. */
  dismiss: () => void;
}

interface IMountViewProps {
  mount: IMountStatus | null;
  /** What the site is called. */
  site: string;
  isOnline: boolean;
  /** True while what waits is being sent because the user said so. */
  isTrying: boolean;
  actions: IMountActions;
  trans: TranslationBundle;
}

/** Takes no room without a mount, and one quiet line while all is well. */
export function MountView(props: IMountViewProps): JSX.Element | null {
  const { mount, site, actions, trans } = props;
  const line = lineFor(mount, site, props.isOnline, trans);
  return (
    <>
      {line && (
        <div
          className="jp-MeshMount-line"
          data-kind={line.kind}
          role={line.kind === 'error' ? 'alert' : 'status'}
          title={line.detail}
        >
          <span>{line.text}</span>
          {line.canTry && (
            <button
              className="jp-MeshMount-button"
              disabled={props.isTrying}
              onClick={actions.tryNow}
            >
              {props.isTrying ? trans.__('Trying…') : trans.__('Try now')}
            </button>
          )}
        </div>
      )}
      {mount && mount.conflicts.length > 0 && (
        <Conflicts {...props} conflicts={mount.conflicts} />
      )}
    </>
  );
}

function Conflicts(
  props: IMountViewProps & { conflicts: readonly IMountConflict[] }
): JSX.Element {
  const { conflicts, actions, trans } = props;
  const more = conflicts.length - SHOWN;
  return (
    <div className="jp-MeshMount-conflicts">
      <ul aria-label={trans.__('Files that are kept twice')}>
        {conflicts.slice(0, SHOWN).map(conflict => {
          const name = PathExt.basename(conflict.copy);
          return (
            <li key={conflict.copy}>
              <p role="alert" title={conflict.copy}>
                {conflictText(conflict, trans)}
              </p>
              <button
                className="jp-MeshMount-button"
                aria-label={trans.__('Open %1', name)}
                onClick={() => actions.open(conflict)}
              >
                {trans.__('Open')}
              </button>
              <button
                className="jp-MeshMount-button"
                aria-label={trans.__('Compare %1', name)}
                onClick={() => actions.compare(conflict)}
              >
                {trans.__('Compare')}
              </button>
            </li>
          );
        })}
      </ul>
      {more > 0 && <p>{trans._n('and 1 more', 'and %1 more', more, more)}</p>}
      <button
        className="jp-MeshMount-button"
        title={trans.__('Both files stay where they are')}
        onClick={actions.dismiss}
      >
        {conflicts.length > 1 ? trans.__('Dismiss all') : trans.__('Dismiss')}
      </button>
    </div>
  );
}

/** The widget for the panel. */
export class MountLine extends VDomRenderer<MeshModel> {
  /** The model belongs to the caller. */
  constructor(
    model: IMeshModel,
    private _props: Pick<IMountViewProps, 'actions' | 'trans'>
  ) {
    super(model as MeshModel);
    this.addClass('jp-MeshMount');
  }

  set isTrying(value: boolean) {
    this._isTrying = value;
    this.update();
  }

  protected override render(): JSX.Element {
    const { status, mount } = this.model;
    return (
      <MountView
        {...this._props}
        mount={mount}
        site={status?.site.title || this._props.trans.__('the site')}
        isOnline={!status || status.state === 'online'}
        isTrying={this._isTrying}
      />
    );
  }

  private _isTrying = false;
}
