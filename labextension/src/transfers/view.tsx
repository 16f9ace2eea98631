// The section TRANSFERS: what is on its way, how far it is, and what one can do about it.
import type { TranslationBundle } from '@jupyterlab/translation';

import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Action, Transfer } from './transfer';
import type { TransfersModel } from './model';
import {
  figuresOf,
  originOf,
  phaseOf,
  troubleOf,
  whereOf,
  wordsFor
} from './words';

/** Rows that are drawn; of thousands of files the rest is counted. */
const ROWS = 50;

/** What comes first when not all can be shown. */
const ORDER: readonly Transfer['phase'][] = [
  'failed',
  'offline',
  'sending',
  'storing',
  'copying',
  'moving',
  'elsewhere',
  'paused',
  'unfinished',
  'waiting',
  'done'
];

interface ITransfersProps {
  transfers: readonly Transfer[];
  /** API path of the folder that holds the areas. */
  root: string;
  /** What the site is called. */
  site: string;
  trans: TranslationBundle;
  onAction: (transfer: Transfer, action: Action) => void;
  onCancelAll: () => void;
}

/** The list. */
export function TransfersView(props: ITransfersProps): JSX.Element {
  const { transfers, trans } = props;
  const list = React.useRef<HTMLUListElement>(null);
  const shown = transfers
    .slice()
    .sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase))
    .slice(0, ROWS);
  const keys = new Set(shown.map(transfer => transfer.key));
  // Rows keep their place while they change.
  const rows = transfers.filter(transfer => keys.has(transfer.key));
  const others = transfers.length - rows.length;
  const running = transfers.filter(transfer => transfer.isRunning).length;
  useFocusKept(list, rows);
  return (
    <>
      <ul
        ref={list}
        className="jp-MeshTransfers-list"
        aria-label={trans.__('Transfers')}
      >
        {rows.map(transfer => (
          <Row key={transfer.key} {...props} transfer={transfer} />
        ))}
      </ul>
      {others > 0 && (
        <p className="jp-MeshTransfers-more">
          {trans._n('and 1 more', 'and %1 more', others, others)}
        </p>
      )}
      {running > 1 && (
        <div className="jp-MeshTransfers-all">
          <button
            className="jp-MeshTransfers-button"
            onClick={props.onCancelAll}
          >
            {trans.__('Cancel all')}
          </button>
        </div>
      )}
    </>
  );
}

function Row(props: ITransfersProps & { transfer: Transfer }): JSX.Element {
  const { transfer, trans } = props;
  const { name } = transfer;
  const phase = phaseOf(transfer, props);
  const figures = figuresOf(transfer, trans);
  const trouble = troubleOf(transfer, props);
  const origin = originOf(transfer, trans);
  const share = transfer.fraction;
  const percent = share === null ? undefined : Math.round(100 * share);
  const isOpen = transfer.isRunning || transfer.phase === 'unfinished';
  const line = figures ? trans.__('%1 · %2', phase, figures) : phase;
  return (
    <li
      className="jp-MeshTransfers-item"
      data-phase={transfer.phase}
      data-key={transfer.key}
    >
      <div className="jp-MeshTransfers-title" title={transfer.path}>
        <span className="jp-MeshTransfers-name">{name}</span>
        <span className="jp-MeshTransfers-place">
          {whereOf(transfer, props.root, trans)}
        </span>
      </div>
      {isOpen && (
        <div
          className="jp-MeshTransfers-bar"
          role="progressbar"
          aria-label={name}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={line}
        >
          <div style={{ width: `${percent ?? 0}%` }} />
        </div>
      )}
      <div className="jp-MeshTransfers-figures">{line}</div>
      {origin && <div className="jp-MeshTransfers-figures">{origin}</div>}
      {trouble && (
        <div
          className="jp-MeshTransfers-trouble"
          role={transfer.phase === 'failed' ? 'alert' : 'status'}
        >
          {trouble}
        </div>
      )}
      <div className="jp-MeshTransfers-buttons">
        {transfer.actions.map(action => {
          const { text, label } = wordsFor(action, name, trans);
          return (
            <button
              key={action}
              className="jp-MeshTransfers-button"
              aria-label={label}
              onClick={() => props.onAction(transfer, action)}
            >
              {text}
            </button>
          );
        })}
      </div>
    </li>
  );
}

/** Where the row or the button with the focus goes away, the nearest button gets it. */
function useFocusKept(
  list: React.RefObject<HTMLUListElement>,
  rows: readonly Transfer[]
): void {
  const place = React.useRef(-1);
  const hadFocus = React.useRef(false);
  React.useLayoutEffect(() => {
    const node = list.current;
    if (!node) {
      return;
    }
    if (hadFocus.current && document.activeElement === document.body) {
      const index = Math.min(place.current, node.children.length - 1);
      node.children[index]?.querySelector('button')?.focus();
    }
    const note = (): void => {
      const row = document.activeElement?.closest('li');
      hadFocus.current = !!row && node.contains(row);
      place.current = row ? Array.from(node.children).indexOf(row) : -1;
    };
    note();
    node.addEventListener('focusin', note);
    return () => node.removeEventListener('focusin', note);
  }, [rows.map(row => `${row.key}${row.phase}`).join()]);
}

/** The section for the panel. Says aloud what has ended. */
export class TransfersWidget extends VDomRenderer<TransfersModel> {
  /** The model belongs to the caller. */
  constructor(
    model: TransfersModel,
    private _props: Omit<ITransfersProps, 'transfers' | 'site'> & {
      getSite: () => string;
    }
  ) {
    super(model);
    this.id = 'jp-mesh-transfers';
    this.addClass('jp-MeshTransfers');
    model.ended.connect(this._onEnded, this);
  }

  /** Nobody but a screen reader sees it; it is there before it says something. */
  protected override render(): JSX.Element {
    const { trans, getSite } = this._props;
    const running = this.model.running.filter(
      transfer => transfer.phase !== 'paused'
    ).length;
    this.title.label = running
      ? trans.__('Transfers: %1 running', running)
      : trans.__('Transfers');
    return (
      <>
        <div className="jp-MeshTransfers-said" role="status">
          {this._said}
        </div>
        <TransfersView
          {...this._props}
          site={getSite()}
          transfers={this.model.items}
        />
      </>
    );
  }

  private _onEnded(_: TransfersModel, transfer: Transfer): void {
    const { trans, getSite } = this._props;
    this._said = trans.__(
      '%1: %2',
      transfer.name,
      phaseOf(transfer, { site: getSite(), trans })
    );
    this.update();
  }

  private _said = '';
}
