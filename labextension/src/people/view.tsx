// The section PEOPLE: contacts by site, and the invitations that are open.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IInvitation, IPerson } from '../sharing/api';

import { Toolbar } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';

import { actionButton } from '../lists/action';
import { MoreButton, RowList, Rows } from '../lists/rows';
import { RowsSection } from '../lists/rowssection';
import { ListState, ShowMore } from '../lists/state';
import { Sentence } from '../panel/sentence';
import { nameOf } from '../sharing/words';
import type { PeopleModel } from './model';
import { exactWords, momentWords } from './words';

/** From so many contacts on there is a search. */
const MANY = 8;

/** What the buttons do. */
export interface IPeopleActions {
  invite: () => void;
  accept: () => void;
  /** Opens the menu of a contact, below the button. */
  more: (person: IPerson, button: HTMLElement) => void;
  /** Opens the menu of an invitation, below the button. */
  moreOf: (invitation: IInvitation, button: HTMLElement) => void;
}

interface IProps {
  model: PeopleModel;
  actions: IPeopleActions;
  trans: TranslationBundle;
}

export function PeopleView(props: IProps): JSX.Element {
  const { model, actions, trans } = props;
  const isSearching = model.search.trim() !== '';
  const isEmpty = model.isKnown && !model.total && !isSearching;
  const accept = (
    <button
      className="jp-mod-styled jp-mod-reject"
      aria-haspopup="dialog"
      onClick={actions.accept}
    >
      {trans.__('I got an invitation')}
    </button>
  );
  return (
    <Rows>
      {(model.total > MANY || isSearching) && (
        <div className="jp-MeshRows-tools">
          <input
            type="search"
            className="jp-mod-styled"
            aria-label={trans.__('Search contacts')}
            placeholder={trans.__('Search')}
            value={model.search}
            onChange={event => {
              model.search = event.target.value;
            }}
          />
        </div>
      )}
      <ListState model={model} isKnown={model.isKnown} trans={trans} />
      {isEmpty && !model.canInvite && (
        <p className="jp-MeshRows-empty" role="status">
          {trans.__('You have no contacts at other institutions.')}
        </p>
      )}
      {isEmpty && model.canInvite && (
        <Sentence
          kind="empty"
          role="status"
          text={trans.__('Work with someone at another institution:')}
          buttons={[
            {
              label: trans.__('Invite someone'),
              onClick: actions.invite,
              isPrimary: true
            },
            {
              label: trans.__('I got an invitation'),
              onClick: actions.accept
            }
          ]}
        />
      )}
      {model.isKnown && !model.total && isSearching && (
        <p className="jp-MeshRows-empty" role="status">
          {trans.__('No contact is called that.')}
        </p>
      )}
      <div className="jp-MeshRows-lists" data-old={!model.isOnline}>
        {model.sites.map(site => (
          <RowList
            key={site.domain}
            heading={site.title}
            title={site.domain}
            items={site.people}
          >
            {person => <Contact key={person.key} {...props} person={person} />}
          </RowList>
        ))}
        <ShowMore
          shown={model.loaded}
          total={model.total}
          onMore={() => void model.showMore()}
          trans={trans}
        />
        <RowList
          heading={trans.__('Open invitations')}
          items={model.invitations}
        >
          {invitation => (
            <Invitation
              key={invitation.id}
              {...props}
              invitation={invitation}
            />
          )}
        </RowList>
        <ShowMore
          shown={model.invitations.length}
          total={model.invitationsTotal}
          onMore={() => void model.showMoreInvitations()}
          trans={trans}
        />
      </div>
      {model.isKnown && !isEmpty && model.canInvite && (
        <div className="jp-MeshRows-rest">{accept}</div>
      )}
    </Rows>
  );
}

function Contact(props: IProps & { person: IPerson }): JSX.Element {
  const { person, actions, trans } = props;
  const name = nameOf(person, trans);
  return (
    <li
      className="jp-MeshRow"
      data-id={person.key}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        actions.more(
          person,
          event.currentTarget.querySelector<HTMLElement>('button')!
        );
      }}
    >
      <span className="jp-MeshRow-text" title={person.site?.domain}>
        <span className="jp-MeshRow-name">{name}</span>
      </span>
      <MoreButton
        name={name}
        trans={trans}
        onOpen={button => actions.more(person, button)}
      />
    </li>
  );
}

function Invitation(props: IProps & { invitation: IInvitation }): JSX.Element {
  const { invitation, actions, trans } = props;
  const { note, expires } = invitation;
  const name = note || trans.__('Without a note');
  return (
    <li className="jp-MeshRow" data-id={invitation.id}>
      <span
        className="jp-MeshRow-text"
        title={expires ? trans.__('%1 UTC', exactWords(expires)) : undefined}
      >
        <span className="jp-MeshRow-name">{name}</span>
        <span className="jp-MeshRow-facts">
          {expires
            ? trans.__('until %1', momentWords(expires, trans))
            : trans.__('no end')}
        </span>
      </span>
      <MoreButton
        name={name}
        trans={trans}
        onOpen={button => actions.moreOf(invitation, button)}
      />
    </li>
  );
}

/** The section. It looks while it is open and seen. */
export class PeopleSection extends RowsSection<PeopleModel> {
  /** The model belongs to the section. */
  constructor(
    model: PeopleModel,
    private _props: Omit<IProps, 'model'>
  ) {
    super(model, 'jp-mesh-people', _props.trans.__('People'));
    const { trans, actions } = _props;
    this._invite = actionButton({
      label: trans.__('Invite'),
      tooltip: trans.__('Invite someone from another institution'),
      onClick: actions.invite
    });
    this.toolbar.addItem('invite', this._invite);
    model.stateChanged.connect(this._onChanged, this);
  }

  /** In the title of the section. */
  readonly toolbar = new Toolbar();

  protected override render(): JSX.Element {
    return <PeopleView {...this._props} model={this.model} />;
  }

  private _onChanged(): void {
    this._invite.setHidden(!this.model.canInvite);
  }

  private _invite: Widget;
}
