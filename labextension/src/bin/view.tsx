// The section BIN: what was deleted, and the ways back.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IBinItem } from '../past';

import { PathExt } from '@jupyterlab/coreutils';
import {
  ellipsesIcon,
  fileIcon,
  folderIcon,
  undoIcon,
  VDomRenderer
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { BinModel } from './model';
import { formatAgo, formatBytes, formatExact } from '../format';
import { Sentence, Skeleton } from '../panel/sentence';

/** Pixels of a row: rows out of sight are not drawn. */
const ROW = 44;

/** Rows kept ready above and below what is seen. */
const MARGIN = 10;

/** What the buttons do. */
export interface IBinActions {
  restore: (item: IBinItem) => void;
  /** Opens the menu with the other things one can do, below the button. */
  more: (item: IBinItem, button: HTMLElement) => void;
  /** Deletes all that is found for ever, after a question. */
  empty: () => void;
}

interface IProps {
  model: BinModel;
  /** API path of the folder that holds the areas. */
  root: string;
  actions: IBinActions;
  trans: TranslationBundle;
}

/** The bin of one area, with a search once there is something to find. */
export function BinView(props: IProps): JSX.Element {
  const { model, trans, actions } = props;
  const { items, found, progress } = model;
  const isSearching = model.search.trim() !== '';
  return (
    <>
      {(model.areas.length > 1 || (items?.length ?? 0) > 0) && (
        <div className="jp-MeshBin-tools">
          {model.areas.length > 1 && (
            <select
              className="jp-mod-styled"
              aria-label={trans.__('Bin of')}
              value={model.area.path}
              onChange={event => model.choose(event.target.value)}
            >
              {model.areas.map(area => (
                <option key={area.path} value={area.path}>
                  {area.label}
                </option>
              ))}
            </select>
          )}
          <input
            type="search"
            className="jp-mod-styled"
            aria-label={trans.__('Search the bin')}
            placeholder={trans.__('Search')}
            value={model.search}
            onChange={event => {
              model.search = event.target.value;
            }}
          />
          <button
            className="jp-mod-styled jp-mod-reject"
            disabled={!found.length || progress !== null}
            onClick={actions.empty}
          >
            {isSearching ? trans.__('Delete these…') : trans.__('Empty…')}
          </button>
        </div>
      )}
      {progress && (
        <div className="jp-MeshBin-progress" role="status">
          {trans.__(
            'Deleting: %1 of %2 are gone.',
            progress.done,
            progress.total
          )}
          <button
            className="jp-mod-styled jp-mod-reject"
            onClick={() => model.stop()}
          >
            {trans.__('Stop')}
          </button>
        </div>
      )}
      {model.failure ? (
        <Sentence
          kind="error"
          role="alert"
          text={model.failure}
          buttons={[
            { label: trans.__('Retry'), onClick: () => void model.refresh() }
          ]}
        />
      ) : null}
      {items && !model.failure && !found.length ? (
        <p className="jp-MeshBin-empty" role="status">
          {isSearching
            ? trans.__('Nothing in the bin is called that.')
            : trans.__('Nothing was deleted here.')}
        </p>
      ) : null}
      {!items && !model.failure ? <Skeleton trans={trans} /> : null}
      {found.length > 0 && <BinList {...props} />}
    </>
  );
}

/** Draws what is in sight of a list of any length. */
function BinList(props: IProps): JSX.Element {
  const { model, trans } = props;
  const { found } = model;
  const list = React.useRef<HTMLUListElement>(null);
  const [top, setTop] = React.useState(0);
  const [height, setHeight] = React.useState(400);
  React.useLayoutEffect(() => {
    const node = list.current;
    if (!node || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() =>
      setHeight(node.clientHeight || 400)
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  // A search shortens the list before the browser has scrolled it back.
  const seen = Math.min(top, Math.max(0, found.length * ROW - height));
  const first = Math.max(0, Math.floor(seen / ROW) - MARGIN);
  const last = Math.min(
    found.length,
    Math.ceil((seen + height) / ROW) + MARGIN
  );
  return (
    <ul
      ref={list}
      className="jp-MeshBin-list"
      aria-label={trans.__('Deleted in %1', model.area.label)}
      tabIndex={0}
      onScroll={event => setTop(event.currentTarget.scrollTop)}
    >
      <li
        role="presentation"
        style={{ height: first * ROW }}
        aria-hidden="true"
      />
      {found.slice(first, last).map((item, index) => (
        <BinRow
          key={item.key}
          {...props}
          item={item}
          position={first + index + 1}
          total={found.length}
        />
      ))}
      <li
        role="presentation"
        style={{ height: (found.length - last) * ROW }}
        aria-hidden="true"
      />
    </ul>
  );
}

function BinRow(
  props: IProps & { item: IBinItem; position: number; total: number }
): JSX.Element {
  const { item, root, trans, actions } = props;
  const folder = PathExt.dirname(item.path).slice(root ? root.length + 1 : 0);
  const when = formatAgo(item.deleted, trans);
  const facts = [when, folder];
  if (item.size > 0) {
    facts.push(formatBytes(item.size));
  }
  const Icon = item.kind === 'directory' ? folderIcon : fileIcon;
  return (
    <li
      className="jp-MeshBin-row"
      aria-setsize={props.total}
      aria-posinset={props.position}
      title={trans.__('%1, deleted %2', item.path, formatExact(item.deleted))}
    >
      <Icon.react tag="span" className="jp-MeshBin-icon" />
      <span className="jp-MeshBin-text">
        <span className="jp-MeshBin-name">{item.name}</span>
        <span className="jp-MeshBin-facts">{facts.join(' · ')}</span>
      </span>
      <button
        aria-label={trans.__('Restore "%1"', item.name)}
        title={trans.__('Restore')}
        onClick={() => actions.restore(item)}
      >
        <undoIcon.react tag="span" />
      </button>
      <button
        aria-label={trans.__('More about "%1"', item.name)}
        aria-haspopup="menu"
        title={trans.__('More')}
        onClick={event => actions.more(item, event.currentTarget)}
      >
        <ellipsesIcon.react tag="span" />
      </button>
    </li>
  );
}

/** The section. It looks while it is open and seen. */
export class BinSection extends VDomRenderer<BinModel> {
  /** The model belongs to the section. */
  constructor(
    model: BinModel,
    private _props: Omit<IProps, 'model'>
  ) {
    super(model);
    this.id = 'jp-mesh-bin';
    this.title.label = _props.trans.__('Bin');
    this.addClass('jp-MeshBin');
  }

  override dispose(): void {
    const { model } = this;
    super.dispose();
    model?.dispose();
  }

  /** Gives the keyboard to the list, or to what is there instead. */
  focusList(): void {
    const list = this.node.querySelector<HTMLElement>('.jp-MeshBin-list');
    (list ?? this.node.querySelector<HTMLElement>('input'))?.focus();
  }

  protected override onAfterShow(): void {
    this.model.start();
  }

  protected override render(): JSX.Element {
    return <BinView {...this._props} model={this.model} />;
  }
}
