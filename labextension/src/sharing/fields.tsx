// Fields that several forms of sharing have.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Abilities, Kind, Role } from './api';
import type { IUntil, UntilChoice } from './until';

import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { dayOf, untilChoices } from './until';
import { roleWords } from './words';

/** The roles that one can give here; `present` is what somebody has already. */
export function rolesFor(
  kind: Kind | undefined,
  canUpload: boolean,
  present?: Role
): Role[] {
  const roles: Role[] = ['viewer', 'editor'];
  if (kind === 'directory' && canUpload) {
    roles.push('uploader');
  }
  return present && !roles.includes(present) ? [present, ...roles] : roles;
}

export function RoleField(props: {
  label: string;
  /** Shown before the field where it stands in a form of its own. */
  isLabelled?: boolean;
  roles: readonly Role[];
  value: Role;
  onChange: (role: Role) => void;
  isBusy?: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { label, roles, value, trans } = props;
  const select = (
    <HTMLSelect
      aria-label={label}
      aria-busy={props.isBusy}
      value={value}
      options={roles.map(role => ({
        value: role,
        label: roleWords(role, trans)
      }))}
      onChange={event => props.onChange(event.target.value as Role)}
    />
  );
  return props.isLabelled ? (
    <label>
      <span>{label}</span>
      {select}
    </label>
  ) : (
    select
  );
}

/** When something is to end. */
export function UntilField(props: {
  value: IUntil;
  onChange: (until: IUntil) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { value, onChange, trans } = props;
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  return (
    <>
      <label>
        <span>{trans.__('Until')}</span>
        <HTMLSelect
          value={value.choice}
          options={untilChoices(trans).map(([choice, words]) => ({
            value: choice,
            label: words
          }))}
          onChange={event =>
            onChange({ ...value, choice: event.target.value as UntilChoice })
          }
        />
      </label>
      {value.choice === 'day' && (
        <label>
          <span>{trans.__('Last day')}</span>
          <input
            type="date"
            className="jp-mod-styled"
            required
            min={dayOf(tomorrow)}
            value={value.day}
            onChange={event => onChange({ ...value, day: event.target.value })}
          />
        </label>
      )}
    </>
  );
}

/** Why this site cannot do some of what a form might offer, for who asks. */
export function Lacks(props: {
  abilities: Abilities;
  names: readonly (keyof Abilities)[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const reasons = Array.from(
    new Set(
      props.names
        .map(name => props.abilities[name])
        .filter(ability => ability && !ability.can && ability.why)
        .map(ability => ability.why)
    )
  );
  if (!reasons.length) {
    return null;
  }
  return (
    <details className="jp-MeshShare-lacks">
      <summary>{props.trans.__('What is not possible here')}</summary>
      <ul>
        {reasons.map(reason => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </details>
  );
}
