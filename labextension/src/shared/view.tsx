// The section SHARED: what others offer, what they share, what the user shares.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IReceived } from '../sharing/api';
import type { IOwnRow } from './own';

import { fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatExact } from '../format';
import { MoreButton, RowList, Rows } from '../lists/rows';
import { RowsSection } from '../lists/rowssection';
import { ListState, ShowMore } from '../lists/state';
import type { SharedModel } from './model';
import { nameOf } from '../sharing/words';
import { askingWords, countWords, originTitle } from './words';
import { originWords, termsWords } from './words';

/** From so many things on there is a search. */
const MANY = 8;

/** What the buttons do. */
export interface ISharedActions {
  accept: (item: IReceived) => void;
  decline: (item: IReceived) => void;
  open: (item: IReceived) => void;
  /** Takes what is no longer shared off the list. */
  remove: (item: IReceived) => void;
  /** Opens the menu of something accepted, hidden or declined, below the button. */
  more: (item: IReceived, button: HTMLElement) => void;
  /** Shows who has access to something of one's own. */
  share: (row: IOwnRow) => void;
}

interface IProps {
  model: SharedModel;
  actions: ISharedActions;
  trans: TranslationBundle;
}

export function SharedView(props: IProps): JSX.Element {
  const { model, trans } = props;
  const { pending, accepted, withdrawn, aside } = model.parts;
  const isSearching = model.search.trim() !== '';
  const found = pending.length + accepted.length + withdrawn.length;
  const many = model.total + (model.own?.length ?? 0) > MANY || isSearching;
  return (
    <Rows>
      {many && (
        <div className="jp-MeshRows-tools">
          <input
            type="search"
            className="jp-mod-styled"
            aria-label={trans.__('Search what is shared')}
            placeholder={trans.__('Search')}
            value={model.search}
            onChange={event => {
              model.search = event.target.value;
            }}
          />
        </div>
      )}
      <ListState model={model} isKnown={model.isKnown} trans={trans} />
      {model.isKnown && found === 0 && (
        <p className="jp-MeshRows-empty" role="status">
          {isSearching
            ? trans.__('Nothing that is shared is called that.')
            : trans.__('Nobody has shared anything with you yet.')}
        </p>
      )}
      <div className="jp-MeshRows-lists" data-old={!model.isOnline}>
        <RowList heading={trans.__('Waiting for your answer')} items={pending}>
          {item => <Offer key={item.id} {...props} item={item} />}
        </RowList>
        <RowList heading={trans.__('Shared with me')} items={accepted}>
          {item => <Accepted key={item.id} {...props} item={item} />}
        </RowList>
        <RowList heading={trans.__('No longer shared')} items={withdrawn}>
          {item => <Withdrawn key={item.id} {...props} item={item} />}
        </RowList>
        <ShowMore
          shown={model.loaded}
          total={model.total}
          onMore={() => void model.showMore()}
          trans={trans}
        />
        {aside.length > 0 && (
          <Fold
            label={trans.__('Hidden and declined (%1)', aside.length)}
            isOpen={model.isAsideOpen}
            onToggle={isOpen => model.showAside(isOpen)}
          >
            <RowList
              heading={trans.__('Hidden and declined')}
              isNamedAbove
              items={aside}
            >
              {item => <Aside key={item.id} {...props} item={item} />}
            </RowList>
          </Fold>
        )}
        <Fold
          label={trans.__('Shared by me')}
          isOpen={model.isOwnOpen}
          onToggle={isOpen => model.showOwn(isOpen)}
        >
          <Own {...props} />
        </Fold>
      </div>
    </Rows>
  );
}

/** What is shown only when asked for. */
function Fold(props: {
  label: string;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
  children: React.ReactNode;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="jp-MeshRows-fold">
      <button
        className="jp-MeshRows-toggle"
        aria-expanded={props.isOpen}
        aria-controls={props.isOpen ? id : undefined}
        onClick={() => props.onToggle(!props.isOpen)}
      >
        {props.label}
      </button>
      {props.isOpen && <div id={id}>{props.children}</div>}
    </div>
  );
}

type RowProps = IProps & { item: IReceived };

/** Nothing happens before a button is pressed. */
function Offer(props: RowProps): JSX.Element {
  const { model, item, actions, trans } = props;
  const isBusy = model.isBusy(item.id);
  const act = (action: (item: IReceived) => void) => (): void => {
    if (!isBusy) {
      action(item);
    }
  };
  return (
    <li className="jp-MeshRow jp-mod-tall" data-id={item.id}>
      <div className="jp-MeshRow-text" title={originTitle(item, trans)}>
        <span className="jp-MeshRow-sentence">
          {askingWords(item, model.siteTitle, trans)}
        </span>
        <Terms {...props} />
      </div>
      <Problem {...props} />
      <div className="jp-MeshRow-buttons">
        <button
          className="jp-mod-styled jp-mod-accept"
          aria-label={trans.__('Accept "%1"', item.name)}
          aria-disabled={isBusy}
          onClick={act(actions.accept)}
        >
          {isBusy ? trans.__('One moment…') : trans.__('Accept')}
        </button>
        <button
          className="jp-mod-styled jp-mod-reject"
          aria-label={trans.__('Decline "%1"', item.name)}
          aria-disabled={isBusy}
          onClick={act(actions.decline)}
        >
          {trans.__('Decline')}
        </button>
      </div>
    </li>
  );
}

function Terms(props: RowProps): JSX.Element {
  const { item, trans } = props;
  return (
    <span
      className="jp-MeshRow-facts"
      title={item.expires ? formatExact(item.expires) : undefined}
    >
      {termsWords(item, trans)}
    </span>
  );
}

function Problem(props: RowProps): JSX.Element | null {
  const problem = props.model.problemOf(props.item.id);
  return problem ? (
    <p className="jp-MeshRow-problem" role="alert">
      {problem}
    </p>
  ) : null;
}

function Accepted(props: RowProps): JSX.Element {
  const { model, item, actions, trans } = props;
  const Icon = item.kind === 'file' ? fileIcon : folderIcon;
  return (
    <li
      className="jp-MeshRow"
      data-id={item.id}
      onContextMenu={event => openMenuOf(event, props)}
    >
      <button
        className="jp-MeshRow-main"
        title={originTitle(item, trans)}
        onClick={() => actions.open(item)}
      >
        <Icon.react tag="span" className="jp-MeshRow-icon" />
        <span className="jp-MeshRow-text">
          <span className="jp-MeshRow-name">{item.name}</span>
          <span className="jp-MeshRow-facts">
            {originWords(item, model.siteTitle, trans)}
          </span>
        </span>
      </button>
      <MoreButton
        name={item.name}
        trans={trans}
        onOpen={button => actions.more(item, button)}
      />
      <Problem {...props} />
    </li>
  );
}

function Aside(props: RowProps): JSX.Element {
  const { model, item, actions, trans } = props;
  return (
    <li className="jp-MeshRow" data-id={item.id}>
      <span className="jp-MeshRow-text" title={originTitle(item, trans)}>
        <span className="jp-MeshRow-name">{item.name}</span>
        <span className="jp-MeshRow-facts">
          {trans.__(
            '%1 · %2',
            item.state === 'declined'
              ? trans.__('declined')
              : trans.__('hidden'),
            originWords(item, model.siteTitle, trans)
          )}
        </span>
      </span>
      <MoreButton
        name={item.name}
        trans={trans}
        onOpen={button => actions.more(item, button)}
      />
      <Problem {...props} />
    </li>
  );
}

function Withdrawn(props: RowProps): JSX.Element {
  const { model, item, actions, trans } = props;
  return (
    <li className="jp-MeshRow" data-id={item.id}>
      <span className="jp-MeshRow-text" title={originTitle(item, trans)}>
        <span className="jp-MeshRow-name">{item.name}</span>
        <span className="jp-MeshRow-facts">
          {trans.__('no longer shared by %1', nameOf(item.sender, trans))}
        </span>
      </span>
      <button
        className="jp-MeshRow-button"
        aria-label={trans.__('Remove "%1" from the list', item.name)}
        aria-disabled={model.isBusy(item.id)}
        onClick={() => actions.remove(item)}
      >
        {trans.__('Remove')}
      </button>
      <Problem {...props} />
    </li>
  );
}

/** Whatever opens a menu by hand opens the one of the row. */
function openMenuOf(event: React.MouseEvent, props: RowProps): void {
  const button = event.currentTarget.querySelector<HTMLElement>(
    '[aria-haspopup="menu"]'
  );
  if (button) {
    event.preventDefault();
    event.stopPropagation();
    props.actions.more(props.item, button);
  }
}

function Own(props: IProps): JSX.Element | null {
  const { model, actions, trans } = props;
  const rows = model.own;
  if (!rows) {
    return model.failure ? null : (
      <ListState model={model} isKnown={false} trans={trans} />
    );
  }
  if (!rows.length) {
    return (
      <p className="jp-MeshRows-empty" role="status">
        {model.search.trim()
          ? trans.__('Nothing that you share is called that.')
          : trans.__('You do not share anything.')}
      </p>
    );
  }
  const isPart = model.ownLoaded < model.ownTotal;
  return (
    <>
      <RowList heading={trans.__('Shared by me')} isNamedAbove items={rows}>
        {row => (
          <li className="jp-MeshRow" key={row.key}>
            <button
              className="jp-MeshRow-main"
              title={
                row.path ||
                trans.__('This is not among your files any more: stop sharing')
              }
              onClick={() => actions.share(row)}
            >
              <span className="jp-MeshRow-text">
                <span className="jp-MeshRow-name">{row.name}</span>
                <span className="jp-MeshRow-facts">
                  <span aria-hidden="true">→ </span>
                  {isPart
                    ? trans.__('at least %1', countWords(row, trans))
                    : countWords(row, trans)}
                </span>
              </span>
            </button>
          </li>
        )}
      </RowList>
      <ShowMore
        shown={model.ownLoaded}
        total={model.ownTotal}
        onMore={() => void model.showMoreOwn()}
        trans={trans}
      />
    </>
  );
}

/** The section. It looks while it is seen; how many wait it tells in its title. */
export class SharedSection extends RowsSection<SharedModel> {
  /** The model belongs to the section. */
  constructor(
    model: SharedModel,
    private _props: Omit<IProps, 'model'>
  ) {
    super(model, 'jp-mesh-shared', _props.trans.__('Shared'));
    this._setTitle();
    model.stateChanged.connect(this._setTitle, this);
  }

  protected override render(): JSX.Element {
    return <SharedView {...this._props} model={this.model} />;
  }

  private _setTitle(): void {
    const { trans } = this._props;
    const { waiting } = this.model;
    const label = waiting
      ? trans.__('Shared: %1 new', waiting)
      : trans.__('Shared');
    if (this.title.label !== label) {
      this.title.label = label;
    }
  }
}
