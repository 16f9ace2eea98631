// Links that let in whoever has them.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IAccess, ILink } from './api';
import type { ShareModel } from './model';

import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import { FromButton } from './access';
import { FailureLine } from './failure';
import { Lacks, RoleField, rolesFor, UntilField } from './fields';
import { NEW_LINK } from './model';
import { expiryOf, NEVER, untilOf } from './until';
import { roleWords, untilWords } from './words';

interface IProps {
  model: ShareModel;
  access: IAccess;
  trans: TranslationBundle;
}

/** The links of a thing, and the form for another. */
export function Links(props: IProps): JSX.Element | null {
  const { model, access, trans } = props;
  const { abilities } = model;
  const failure = model.failureFor(NEW_LINK);
  const [copied, setCopied] = React.useState('');
  if (!abilities) {
    return null;
  }
  const copy = (link: ILink): void => {
    Clipboard.copyToSystem(link.url);
    setCopied(link.id);
  };
  const isCreating = model.form === NEW_LINK;
  const mayCreate = access.me.canShare && abilities.links.can;
  return (
    <>
      {access.links.length > 0 && (
        <ul
          className="jp-MeshShare-list"
          data-links
          aria-label={trans.__('Links')}
        >
          {access.links.map(link => (
            <LinkRow
              key={link.id}
              {...props}
              link={link}
              isCopied={copied === link.id}
              onCopy={() => copy(link)}
            />
          ))}
        </ul>
      )}
      <div className="jp-MeshShare-hidden" role="status">
        {copied && trans.__('Link copied.')}
      </div>
      {mayCreate && (
        <button
          type="button"
          className="jp-MeshShare-plain jp-MeshShare-create"
          aria-expanded={isCreating}
          onClick={() => model.openForm(isCreating ? null : NEW_LINK)}
        >
          {trans.__('+ Create a link')}
        </button>
      )}
      {mayCreate && isCreating && (
        <LinkForm {...props} link={null} onMade={copy} />
      )}
      {!abilities.links.can && (
        <p className="jp-MeshShare-hint">{abilities.links.why}</p>
      )}
      {failure && (
        <FailureLine
          failure={failure}
          text={trans.__('The link was not created.')}
          trans={trans}
        />
      )}
    </>
  );
}

/** "can view, password, until 3 March" */
function factsOf(link: ILink, trans: TranslationBundle): string {
  return [
    roleWords(link.role, trans),
    ...(link.hasPassword ? [trans.__('password')] : []),
    ...(link.expires ? [untilWords(link.expires, trans)] : [])
  ].join(', ');
}

function LinkRow(
  props: IProps & { link: ILink; isCopied: boolean; onCopy: () => void }
): JSX.Element {
  const { model, access, link, trans } = props;
  const name = link.name || trans.__('Anyone with the link');
  const failure = model.failureFor(link.id);
  const mayChange = !link.from && access.me.canShare;
  const isEditing = model.form === link.id;
  return (
    <li className="jp-MeshShare-row" aria-busy={model.isBusy(link.id)}>
      <span className="jp-MeshShare-who">
        {name}
        {link.name && (
          <span className="jp-MeshPeople-place">
            {trans.__('anyone with the link')}
          </span>
        )}
        {link.from && (
          <FromButton
            from={link.from}
            text={trans.__('from "%1"', link.from.name)}
            model={model}
            trans={trans}
          />
        )}
      </span>
      <span className="jp-MeshShare-role jp-MeshShare-facts">
        {factsOf(link, trans)}
      </span>
      <span className="jp-MeshShare-actions">
        <button
          type="button"
          className="jp-MeshShare-plain"
          aria-label={trans.__('Copy link "%1"', name)}
          onClick={props.onCopy}
        >
          {props.isCopied ? trans.__('Copied') : trans.__('Copy')}
        </button>
        {mayChange && (
          <>
            <button
              type="button"
              className="jp-MeshShare-plain"
              aria-label={trans.__('Change link "%1"', name)}
              aria-expanded={isEditing}
              onClick={() => model.openForm(isEditing ? null : link.id)}
            >
              {trans.__('Change')}
            </button>
            <button
              type="button"
              className="jp-MeshShare-plain"
              aria-label={trans.__('Remove link "%1"', name)}
              onClick={() => model.removeLink(link)}
            >
              {trans.__('Remove')}
            </button>
          </>
        )}
      </span>
      {isEditing && <LinkForm {...props} link={link} />}
      {failure && (
        <FailureLine
          failure={failure}
          text={trans.__('The link was not changed.')}
          trans={trans}
        />
      )}
    </li>
  );
}

/** Makes a link, or changes one. */
function LinkForm(
  props: IProps & { link: ILink | null; onMade?: (link: ILink) => void }
): JSX.Element {
  const { model, access, link, trans } = props;
  const abilities = model.abilities!;
  const [name, setName] = React.useState(link?.name ?? '');
  const [role, setRole] = React.useState(link?.role ?? 'viewer');
  const [until, setUntil] = React.useState(
    link ? untilOf(link.expires) : NEVER
  );
  const [isProtected, setProtected] = React.useState(
    link?.hasPassword ?? false
  );
  const [password, setPassword] = React.useState('');
  const form = React.useRef<HTMLFormElement>(null);
  React.useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    form.current?.querySelector('select')?.focus();
    form.current?.scrollIntoView?.({ block: 'nearest' });
    return () => {
      if (before?.isConnected) {
        before.focus();
      }
    };
  }, []);

  const submit = async (): Promise<void> => {
    const expires = expiryOf(until);
    if (link) {
      // An empty field leaves the password as it is.
      const isKept = isProtected && !password;
      const change = { name: name.trim(), role, expires };
      const isDone = await model.changeLink(
        link,
        isKept ? change : { ...change, password: isProtected ? password : '' }
      );
      if (isDone) {
        model.openForm(null);
      }
      return;
    }
    const made = await model.createLink({
      name: name.trim(),
      role,
      expires,
      password: isProtected ? password : ''
    });
    if (made) {
      model.openForm(null);
      props.onMade?.(made);
    }
  };

  return (
    <form
      ref={form}
      className="jp-MeshShare-form"
      aria-label={link ? trans.__('Change the link') : trans.__('New link')}
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      <p>{trans.__('Whoever has the link needs no account.')}</p>
      <RoleField
        label={trans.__('Role')}
        isLabelled
        roles={rolesFor(access.kind, abilities.linkUploads.can, link?.role)}
        value={role}
        onChange={setRole}
        trans={trans}
      />
      <UntilField value={until} onChange={setUntil} trans={trans} />
      <label>
        <span>{trans.__('Name, for you')}</span>
        <input
          className="jp-mod-styled"
          value={name}
          maxLength={80}
          onChange={event => setName(event.target.value)}
        />
      </label>
      {abilities.linkPasswords.can && (
        <>
          <label className="jp-MeshShare-check">
            <input
              type="checkbox"
              checked={isProtected}
              onChange={event => setProtected(event.target.checked)}
            />
            <span>{trans.__('Ask for a password')}</span>
          </label>
          {isProtected && (
            <label>
              <span>
                {link?.hasPassword
                  ? trans.__('Another password')
                  : trans.__('Password')}
              </span>
              <input
                type="password"
                className="jp-mod-styled"
                autoComplete="new-password"
                required={!link?.hasPassword}
                placeholder={link?.hasPassword ? trans.__('as it is') : ''}
                value={password}
                onChange={event => setPassword(event.target.value)}
              />
            </label>
          )}
        </>
      )}
      <Lacks
        abilities={abilities}
        names={
          access.kind === 'directory'
            ? ['linkPasswords', 'linkUploads']
            : ['linkPasswords']
        }
        trans={trans}
      />
      <div className="jp-MeshShare-buttons">
        <button type="submit" className="jp-mod-styled jp-mod-accept">
          {link ? trans.__('Save') : trans.__('Create and copy link')}
        </button>
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject"
          onClick={() => model.openForm(null)}
        >
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
