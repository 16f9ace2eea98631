// Who has access, why, and how to change it.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IAccess, IAccessRow, IPerson, IPlace, Role } from './api';
import type { ShareModel } from './model';
import type { IUntil } from './until';

import * as React from 'react';

import { FailureLine } from './failure';
import { RoleField, rolesFor, UntilField } from './fields';
import { UNDO } from './model';
import { expiryOf, untilOf } from './until';
import { nameOf, placeWords, roleWords, untilWords } from './words';

interface IProps {
  model: ShareModel;
  access: IAccess;
  ownSite: string;
  trans: TranslationBundle;
}

/** The list: oneself or the owner first. */
export function AccessList(props: IProps): JSX.Element {
  const { model, access, ownSite, trans } = props;
  const { me, owner, rows } = access;
  return (
    <>
      <RemovedLine model={model} trans={trans} />
      <ul className="jp-MeshShare-list" aria-label={trans.__('Who has access')}>
        {me.role !== 'owner' && owner && (
          <Fixed who={owner} role="owner" ownSite={ownSite} trans={trans} />
        )}
        <li className="jp-MeshShare-row">
          <span className="jp-MeshShare-who">{trans.__('You')}</span>
          <span className="jp-MeshShare-role">{roleWords(me.role, trans)}</span>
        </li>
        {rows.map(row => (
          <Row
            key={row.share ?? `${row.who.key} ${row.from?.path ?? ''}`}
            {...props}
            row={row}
          />
        ))}
      </ul>
      {!rows.length && me.role === 'owner' && (
        <p className="jp-MeshShare-hint">
          {trans.__('Nobody else has been given access.')}
        </p>
      )}
    </>
  );
}

function Fixed(props: {
  who: IPerson;
  role: Role;
  ownSite: string;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <li className="jp-MeshShare-row">
      <Who {...props} />
      <span className="jp-MeshShare-role">
        {roleWords(props.role, props.trans)}
      </span>
    </li>
  );
}

function Who(props: {
  who: IPerson;
  ownSite: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { who, ownSite, trans } = props;
  return (
    <span className="jp-MeshShare-who" title={who.site?.domain}>
      {nameOf(who, trans)}
      <span className="jp-MeshPeople-place">
        {placeWords(who, ownSite, trans)}
      </span>
    </span>
  );
}

function Row(props: IProps & { row: IAccessRow }): JSX.Element {
  const { model, row, access, ownSite, trans } = props;
  const { who, share } = row;
  const id = share ?? '';
  const name = nameOf(who, trans);
  const canUpload = model.abilities?.uploader.can === true;
  const isBusy = model.isBusy(id);
  const failure = share ? model.failureFor(share) : undefined;
  const isEditing = share !== null && model.form === share;
  const until = row.expires ? untilWords(row.expires, trans) : '';
  const canDate = row.canChange && model.abilities?.shareExpiry.can === true;
  return (
    <li className="jp-MeshShare-row" aria-busy={isBusy}>
      <Who who={who} ownSite={ownSite} trans={trans} />
      {row.canChange && share ? (
        <RoleField
          label={trans.__('What %1 can do', name)}
          roles={rolesFor(access.kind, canUpload, row.role)}
          value={row.role}
          isBusy={isBusy}
          onChange={role => void model.change(row, { role })}
          trans={trans}
        />
      ) : (
        <span className="jp-MeshShare-role">{roleWords(row.role, trans)}</span>
      )}
      {canDate && share ? (
        <button
          type="button"
          className="jp-MeshShare-plain"
          aria-expanded={isEditing}
          aria-label={trans.__(
            '%1: %2. Change when it ends',
            name,
            until || trans.__('no end')
          )}
          onClick={() => model.openForm(isEditing ? null : share)}
        >
          {until || trans.__('no end')}
        </button>
      ) : (
        until && <span className="jp-MeshShare-until">{until}</span>
      )}
      <Reason row={row} model={model} trans={trans} />
      {row.canRemove && share && (
        <button
          type="button"
          className="jp-MeshShare-plain jp-MeshShare-actions"
          aria-label={trans.__('Remove access of %1', name)}
          aria-disabled={isBusy}
          onClick={() => void model.remove(row)}
        >
          {trans.__('Remove')}
        </button>
      )}
      {row.note && <p className="jp-MeshShare-note">{row.note}</p>}
      {isEditing && (
        <UntilForm
          label={trans.__('When access of %1 ends', name)}
          expires={row.expires}
          onSet={expires => {
            model.openForm(null);
            void model.change(row, { expires });
          }}
          onCancel={() => model.openForm(null)}
          trans={trans}
        />
      )}
      {failure && (
        <FailureLine
          failure={failure}
          text={trans.__('Nothing was changed for %1.', name)}
          trans={trans}
        />
      )}
    </li>
  );
}

/** Why somebody has access whom it was not shared with directly. */
function Reason(props: {
  row: IAccessRow;
  model: ShareModel;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { row, model, trans } = props;
  const { from, via } = row;
  if (!from) {
    return via === 'project' ? (
      <span className="jp-MeshShare-reason">
        {trans.__('member of the project')}
      </span>
    ) : null;
  }
  const text =
    via === 'project'
      ? trans.__('member of "%1"', from.name)
      : trans.__('from "%1"', from.name);
  return <FromButton from={from} text={text} model={model} trans={trans} />;
}

/** Leads to the folder above where something can be changed. */
export function FromButton(props: {
  from: IPlace;
  text: string;
  model: ShareModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { from, text, model, trans } = props;
  const title = trans.__('Change it at "%1"', from.name);
  if (!from.path) {
    return <span className="jp-MeshShare-reason">{text}</span>;
  }
  return (
    <button
      type="button"
      className="jp-MeshShare-plain jp-MeshShare-reason"
      title={title}
      aria-label={trans.__('%1. %2', text, title)}
      onClick={() => model.goTo(from)}
    >
      {text}
    </button>
  );
}

/** Changes when something ends. */
function UntilForm(props: {
  label: string;
  expires: string | null;
  onSet: (expires: string | null) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [until, setUntil] = React.useState<IUntil>(() =>
    untilOf(props.expires)
  );
  const form = React.useRef<HTMLFormElement>(null);
  React.useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    form.current?.querySelector('select')?.focus();
    return () => before?.focus();
  }, []);
  return (
    <form
      ref={form}
      className="jp-MeshShare-form"
      aria-label={props.label}
      onSubmit={event => {
        event.preventDefault();
        props.onSet(expiryOf(until));
      }}
    >
      <UntilField value={until} onChange={setUntil} trans={trans} />
      <button type="submit" className="jp-mod-styled jp-mod-accept">
        {trans.__('Set')}
      </button>
      <button
        type="button"
        className="jp-mod-styled jp-mod-reject"
        onClick={props.onCancel}
      >
        {trans.__('Cancel')}
      </button>
    </form>
  );
}

/** Tells whose access is gone, and takes it back. */
function RemovedLine(props: {
  model: ShareModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  const { removed } = model;
  const failure = model.failureFor(UNDO);
  const button = React.useRef<HTMLButtonElement>(null);
  // The button that had the focus is gone with its row.
  React.useEffect(() => button.current?.focus(), [removed]);
  return (
    <>
      <div className="jp-MeshShare-done" role="status">
        {removed && (
          <>
            <span>
              {trans.__(
                'Access removed for %1. Copies already taken stay with them.',
                nameOf(removed.who, trans)
              )}
            </span>
            <button
              ref={button}
              type="button"
              className="jp-MeshShare-plain"
              aria-disabled={model.isBusy(UNDO)}
              onClick={() => void model.undo()}
            >
              {trans.__('Undo')}
            </button>
          </>
        )}
      </div>
      {failure && (
        <FailureLine
          failure={failure}
          text={trans.__('Access was not given back.')}
          trans={trans}
        />
      )}
    </>
  );
}
