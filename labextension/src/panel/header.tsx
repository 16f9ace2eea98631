// Who I am, on which site, how it is, how much room is left.
import type { IMeshModel, ISiteStatus } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import {
  ellipsesIcon,
  refreshIcon,
  VDomRenderer
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { MeshModel } from '../site/model';
import { describeState, formatQuota } from '../format';

/** From here on the room left is a warning. */
const NEARLY_FULL = 0.9;

interface IHeaderProps {
  status: ISiteStatus | null;
  isLoading: boolean;
  trans: TranslationBundle;
  onDetails: () => void;
  onRefresh: () => void;
  /** Opens the menu below the button. */
  onMenu: (button: HTMLElement) => void;
}

/** The account line and, if the site tells one, the quota. */
export function Header(props: IHeaderProps): JSX.Element {
  const { status, trans } = props;
  const state = describeState(status, trans);
  const site = status?.site.title || trans.__('Mesh');
  const name = status?.user?.displayName ?? '';
  const account = name
    ? trans.__('%1 at %2: %3. Show details.', name, site, state)
    : trans.__('%1: %2. Show details.', site, state);
  const tooltip = status?.site.gateway
    ? trans.__('%1 (%2)', account, status.site.gateway)
    : account;
  const isOnline = status?.state === 'online';
  return (
    <>
      <div className="jp-MeshHeader-account">
        <button
          className="jp-MeshHeader-site"
          aria-label={account}
          title={tooltip}
          onClick={props.onDetails}
        >
          <span
            className="jp-MeshState"
            data-state={status?.state ?? 'loading'}
            aria-hidden="true"
          />
          <span className="jp-MeshHeader-name">{site}</span>
          {isOnline && status.user && (
            <span className="jp-MeshHeader-user">{status.user.username}</span>
          )}
        </button>
        <button
          className="jp-MeshHeader-button"
          aria-label={trans.__('Refresh')}
          title={trans.__('Refresh')}
          data-busy={props.isLoading}
          onClick={props.onRefresh}
        >
          <refreshIcon.react tag="span" />
        </button>
        <button
          className="jp-MeshHeader-button"
          aria-label={trans.__('Account')}
          aria-haspopup="menu"
          title={trans.__('Account')}
          onClick={event => props.onMenu(event.currentTarget)}
        >
          <ellipsesIcon.react tag="span" />
        </button>
      </div>
      {isOnline ? (
        <QuotaBar quota={status.quota} trans={trans} />
      ) : (
        <div className="jp-MeshHeader-state">{state}</div>
      )}
    </>
  );
}

/** Nothing on a site that tells no limit. */
export function QuotaBar(props: {
  quota: ISiteStatus['quota'];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { quota, trans } = props;
  if (!quota || !quota.total) {
    return null;
  }
  const { used, total } = quota;
  const share = Math.min(1, used / total);
  const text = formatQuota({ used, total }, trans);
  const isNearlyFull = share >= NEARLY_FULL;
  return (
    <div className="jp-MeshQuota" data-full={isNearlyFull}>
      <span className="jp-MeshQuota-text">
        {isNearlyFull ? trans.__('%1: nearly full', text) : text}
      </span>
      <div
        className="jp-MeshQuota-bar"
        role="meter"
        aria-label={trans.__('Storage')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={text}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}

/** The header of the panel. */
export class HeaderWidget extends VDomRenderer<MeshModel> {
  /** The model belongs to the caller. */
  constructor(
    model: IMeshModel,
    private _props: Pick<
      IHeaderProps,
      'trans' | 'onDetails' | 'onRefresh' | 'onMenu'
    >
  ) {
    super(model as MeshModel);
    this.addClass('jp-MeshHeader');
  }

  protected override render(): JSX.Element {
    return (
      <Header
        {...this._props}
        status={this.model.status}
        isLoading={this.model.isLoading}
      />
    );
  }
}
