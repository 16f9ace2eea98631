// The dialog of a project: who is in it, what that will do, and what came of it.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IFound, IPerson, IProject, Role } from '../sharing/api';
import type { IProjectRequest, IStep } from './api';

import * as React from 'react';

import { useStepFocus } from '../dialogs/steps';
import { Trouble } from '../lists/state';
import { PeopleSearch } from '../sharing/people';
import { nameOf, roleWords } from '../sharing/words';
import { Members } from './view';
import { fromWords, needsRepair, stepWords, warningWords } from './words';

/** Milliseconds between two looks at how far a project is while it is being made. */
const LOOK = 1500;

interface IProjectFormProps {
  /** The project to change; null for a new one. */
  project: IProject | null;
  /** Roles that this site has. */
  roles: readonly Role[];
  ownSite: string;
  search: (text: string, signal: AbortSignal) => Promise<IFound>;
  /** Sends nothing to anybody. */
  plan: (wanted: IProjectRequest) => Promise<IStep[]>;
  apply: (wanted: IProjectRequest) => Promise<IProject>;
  /** How far it is meanwhile, or null. */
  look: (wanted: IProjectRequest) => Promise<IProject | null>;
  repair: (project: IProject) => Promise<IProject>;
  onInvite?: (text: string) => void;
  open: (project: IProject) => void;
  close: () => void;
  keepEscape: (isKept: boolean) => void;
  trans: TranslationBundle;
}

/** Somebody on the list, as wanted. */
interface IChosen {
  who: IPerson;
  role: Role;
  expires: string | null;
}

type Step =
  | { kind: 'edit' }
  | { kind: 'plan'; steps: IStep[] }
  | { kind: 'applying'; known: IProject | null }
  | { kind: 'done'; project: IProject };

export function ProjectForm(props: IProjectFormProps): JSX.Element {
  const { project, ownSite, close, trans } = props;
  const [name, setName] = React.useState(project?.name ?? '');
  const [chosen, setChosen] = React.useState<IChosen[]>(
    (project?.members ?? [])
      .filter(({ state }) => state !== 'leaving' && state !== 'left')
      .map(({ who, role, expires }) => ({
        who,
        role,
        expires: expires ?? null
      }))
  );
  const [step, setStep] = React.useState<Step>({ kind: 'edit' });
  const [failure, setFailure] = React.useState<Error | null>(null);
  const [isBusy, setBusy] = React.useState(false);
  const body = useStepFocus(step.kind);

  const wanted: IProjectRequest = {
    path: project?.path ?? null,
    name: name.trim(),
    members: chosen.map(({ who, role, expires }) => ({
      with: who.key,
      role,
      expires
    }))
  };
  /** One request at a time; what fails is said below, and everything stays as it is. */
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    if (isBusy) {
      return;
    }
    setBusy(true);
    setFailure(null);
    try {
      await act();
    } catch (error) {
      setFailure(error as Error);
    }
    setBusy(false);
  };
  const plan = (): Promise<void> =>
    attempt(async () => {
      setStep({ kind: 'plan', steps: await props.plan(wanted) });
    });
  const apply = (steps: IStep[]): Promise<void> =>
    attempt(async () => {
      setStep({ kind: 'applying', known: null });
      try {
        setStep({ kind: 'done', project: await props.apply(wanted) });
      } catch (error) {
        setStep({ kind: 'plan', steps });
        throw error;
      }
    });

  const isApplying = step.kind === 'applying';
  React.useEffect(() => {
    if (!isApplying) {
      return;
    }
    const timer = window.setInterval(() => {
      // How far it is is nice to know; the answer itself tells what failed.
      void props
        .look(wanted)
        .catch(() => null)
        .then(known =>
          setStep(now => (now.kind === 'applying' ? { ...now, known } : now))
        );
    }, LOOK);
    return () => window.clearInterval(timer);
  }, [isApplying]);

  /** Not every answer tells the names of people at other sites; who is on the list was found by name. */
  const named = (who: IPerson): IPerson =>
    [...chosen, ...(project?.members ?? [])].find(
      each => each.who.key === who.key
    )?.who ?? who;

  const problem = <Trouble error={failure} trans={trans} />;
  switch (step.kind) {
    case 'edit':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <form
            onSubmit={event => {
              event.preventDefault();
              if (wanted.name) {
                void plan();
              }
            }}
          >
            {!project && (
              <label>
                {trans.__('Name')}
                <input
                  className="jp-mod-styled"
                  maxLength={200}
                  value={name}
                  onChange={event => setName(event.target.value)}
                />
              </label>
            )}
            <span className="jp-MeshForm-label" aria-hidden="true">
              {trans.__('Add people, groups or contacts')}
            </span>
            <PeopleSearch
              label={trans.__('Add people, groups or contacts')}
              placeholder={trans.__('Name')}
              search={props.search}
              chosen={chosen.map(each => each.who.key)}
              ownSite={ownSite}
              onPick={who =>
                setChosen([...chosen, { who, role: 'editor', expires: null }])
              }
              onInvite={props.onInvite}
              onOpenChange={props.keepEscape}
              trans={trans}
            />
            <Chosen
              chosen={chosen}
              roles={props.roles}
              ownSite={ownSite}
              onChange={setChosen}
              trans={trans}
            />
            {problem}
            <div className="jp-MeshForm-buttons">
              <button
                type="button"
                className="jp-mod-styled jp-mod-reject"
                onClick={close}
              >
                {trans.__('Cancel')}
              </button>
              <button
                className="jp-mod-styled jp-mod-accept"
                aria-disabled={isBusy || !wanted.name}
              >
                {isBusy ? trans.__('One moment…') : trans.__('Continue')}
              </button>
            </div>
          </form>
        </div>
      );
    case 'plan': {
      const warning = warningWords(step.steps, trans);
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p>
            {step.steps.length
              ? trans.__(
                  'This will be done. Nothing is sent before you say so.'
                )
              : trans.__('Nothing is to be done: all is as you want it.')}
          </p>
          <ol
            className="jp-MeshForm-plan"
            aria-label={trans.__('What will be done')}
          >
            {step.steps.map((each, index) => (
              <li key={index}>
                {stepWords(
                  { ...each, who: each.who && named(each.who) },
                  wanted.name,
                  ownSite,
                  trans
                )}
              </li>
            ))}
          </ol>
          {warning && <p className="jp-MeshForm-warning">{warning}</p>}
          {problem}
          <div className="jp-MeshForm-buttons">
            <button
              className="jp-mod-styled jp-mod-reject"
              onClick={() => setStep({ kind: 'edit' })}
            >
              {trans.__('Back')}
            </button>
            {step.steps.length > 0 && (
              <button
                className="jp-mod-styled jp-mod-accept"
                onClick={() => void apply(step.steps)}
              >
                {project ? trans.__('Apply') : trans.__('Create project')}
              </button>
            )}
          </div>
        </div>
      );
    }
    case 'applying':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p role="status">
            {trans.__(
              'Giving access: %1 of %2',
              reached(step.known),
              chosen.length
            )}
          </p>
          <ul
            className="jp-MeshMembers"
            aria-label={trans.__('Members of "%1"', wanted.name)}
          >
            {chosen.map(({ who }) => {
              const state = step.known?.members.find(
                member => member.who.key === who.key
              )?.state;
              const isDone = state === 'active' || state === 'pending';
              return (
                <li key={who.key}>
                  <span className="jp-MeshMembers-name">
                    {nameOf(who, trans)}
                  </span>
                  <span className="jp-MeshRow-facts">
                    {isDone ? trans.__('done') : trans.__('on its way…')}
                  </span>
                </li>
              );
            })}
          </ul>
          <div className="jp-MeshForm-buttons">
            <button className="jp-mod-styled jp-mod-reject" onClick={close}>
              {trans.__('Go on in the background')}
            </button>
          </div>
        </div>
      );
    case 'done':
      return (
        <div ref={body} className="jp-MeshForm-body">
          <p role="status">
            {needsRepair(step.project)
              ? trans.__(
                  'The project is there. Not everybody could be reached: what is missing can be tried again now or later.'
                )
              : trans.__('Done: "%1" is ready.', step.project.name)}
          </p>
          <Members
            name={step.project.name}
            members={step.project.members.map(member => ({
              ...member,
              who: named(member.who)
            }))}
            ownSite={ownSite}
            trans={trans}
          />
          {problem}
          <div className="jp-MeshForm-buttons">
            <button className="jp-mod-styled jp-mod-reject" onClick={close}>
              {trans.__('Close')}
            </button>
            {needsRepair(step.project) ? (
              <button
                className="jp-mod-styled jp-mod-accept"
                aria-disabled={isBusy}
                onClick={() =>
                  void attempt(async () => {
                    const next = await props.repair(step.project);
                    setStep({ kind: 'done', project: next });
                  })
                }
              >
                {isBusy ? trans.__('Repairing…') : trans.__('Repair')}
              </button>
            ) : (
              <button
                className="jp-mod-styled jp-mod-accept"
                onClick={() => {
                  close();
                  props.open(step.project);
                }}
              >
                {trans.__('Open folder')}
              </button>
            )}
          </div>
        </div>
      );
  }
}

/** Those on the list, each with a role; taking somebody off acts only with the plan. */
function Chosen(props: {
  chosen: readonly IChosen[];
  roles: readonly Role[];
  ownSite: string;
  onChange: (chosen: IChosen[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { chosen, roles, trans } = props;
  const list = React.useRef<HTMLUListElement>(null);
  return (
    <ul
      ref={list}
      className="jp-MeshMembers jp-mod-edit"
      aria-label={trans.__('Members')}
    >
      {chosen.map(({ who, role }, index) => {
        const name = nameOf(who, trans);
        const known = roles.includes(role) ? roles : [role, ...roles];
        return (
          <li key={who.key}>
            <span className="jp-MeshMembers-name" title={who.site?.domain}>
              {trans.__('%1, %2', name, fromWords(who, props.ownSite, trans))}
            </span>
            <select
              className="jp-mod-styled"
              aria-label={trans.__('Role of %1', name)}
              value={role}
              onChange={event =>
                props.onChange(
                  chosen.map((each, at) =>
                    at === index
                      ? { ...each, role: event.target.value as Role }
                      : each
                  )
                )
              }
            >
              {known.map(each => (
                <option key={each} value={each}>
                  {roleWords(each, trans)}
                </option>
              ))}
            </select>
            <button
              type="button"
              className="jp-MeshRow-button"
              aria-label={trans.__('Take %1 off the list', name)}
              onClick={() => {
                props.onChange(chosen.filter((_, at) => at !== index));
                // The list goes on below the keyboard.
                const rows = list.current?.closest('form');
                requestAnimationFrame(() =>
                  (
                    list.current?.children[
                      Math.min(index, chosen.length - 2)
                    ]?.querySelector<HTMLElement>('button') ??
                    rows?.querySelector<HTMLElement>('[role="combobox"]')
                  )?.focus()
                );
              }}
            >
              {trans.__('Remove')}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** How many members have been given access so far. */
function reached(project: IProject | null): number {
  const states = project?.members.map(member => member.state) ?? [];
  return states.filter(state => state === 'active' || state === 'pending')
    .length;
}
