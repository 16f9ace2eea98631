// The field that finds people: a combobox with a list, as the ARIA practices have it.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IFound, IPerson } from './api';

import * as React from 'react';

import { nameOf, placeWords } from './words';

/** Milliseconds of a pause in typing after which somebody is looked for. */
const PAUSE = 300;

/** Letters that a search needs. */
const LETTERS = 3;

/** Milliseconds until something says that it searches. */
const PATIENCE = 150;

export interface IPeopleSearchProps {
  /** What the field is called, for eyes and screen readers. */
  label: string;
  placeholder?: string;
  /** Finds people by at least three letters; gives up when the signal says so. */
  search: (text: string, signal: AbortSignal) => Promise<IFound>;
  onPick: (person: IPerson) => void;
  /** Invites somebody who is not found; without it there is no such row. */
  onInvite?: (text: string) => void;
  /** Keys of those who are chosen already: they are not offered. */
  chosen?: readonly string[];
  /** Title of the own site, for people without another. */
  ownSite: string;
  /** Tells whether the list is open: Enter and Escape belong to it then. */
  onOpenChange?: (isOpen: boolean) => void;
  /** Called for Backspace in the empty field. */
  onErase?: () => void;
  inputRef?: React.RefObject<HTMLInputElement>;
  trans: TranslationBundle;
}

/** What became of the search for a text. */
type Search =
  | { kind: 'none' }
  | { kind: 'short' }
  | { kind: 'running'; isSlow: boolean }
  | { kind: 'found'; people: IPerson[]; problems: string[] }
  | { kind: 'failed'; message: string };

/** One request for each pause in typing; a new one gives up the former. */
function useSearch(
  text: string,
  search: IPeopleSearchProps['search'],
  attempt: number
): Search {
  const [result, setResult] = React.useState<Search>({ kind: 'none' });
  const ask = React.useRef(search);
  ask.current = search;
  const wanted = text.trim();
  React.useEffect(() => {
    if (wanted.length < LETTERS) {
      setResult({ kind: wanted ? 'short' : 'none' });
      return;
    }
    const abort = new AbortController();
    let slow: number | undefined;
    const pause = window.setTimeout(() => {
      setResult(former =>
        former.kind === 'found' ? former : { kind: 'running', isSlow: false }
      );
      slow = window.setTimeout(
        () => setResult({ kind: 'running', isSlow: true }),
        PATIENCE
      );
      void ask
        .current(wanted, abort.signal)
        .then(
          ({ items, problems }): Search => ({
            kind: 'found',
            people: items,
            problems
          }),
          (error: Error): Search => ({ kind: 'failed', message: error.message })
        )
        .then(next => {
          window.clearTimeout(slow);
          if (!abort.signal.aborted) {
            setResult(next);
          }
        });
    }, PAUSE);
    return () => {
      window.clearTimeout(pause);
      window.clearTimeout(slow);
      abort.abort();
    };
  }, [wanted, attempt]);
  return result;
}

/** Finds people, groups and contacts while one types, and leads to an invitation of others. */
export function PeopleSearch(props: IPeopleSearchProps): JSX.Element {
  const { trans, chosen = [], onInvite, onOpenChange } = props;
  const id = React.useId();
  const ownRef = React.useRef<HTMLInputElement>(null);
  const input = props.inputRef ?? ownRef;
  const list = React.useRef<HTMLUListElement>(null);
  const [text, setText] = React.useState('');
  const [isOpen, setOpen] = React.useState(false);
  const [active, setActive] = React.useState(-1);
  const [attempt, setAttempt] = React.useState(0);
  const result = useSearch(text, props.search, attempt);
  const people =
    result.kind === 'found'
      ? result.people.filter(person => !chosen.includes(person.key))
      : [];
  const rows = people.length + (onInvite ? 1 : 0);
  const hasList = isOpen && rows > 0;

  // The best one is taken by Enter; an invitation has to be chosen.
  React.useEffect(() => {
    setActive(people.length ? 0 : -1);
  }, [result]);
  React.useEffect(() => {
    onOpenChange?.(isOpen);
  }, [isOpen]);
  React.useEffect(() => {
    if (active >= 0) {
      // jsdom cannot scroll.
      list.current?.children[active]?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [active]);

  const pick = (index: number): void => {
    const person = people[index];
    setOpen(false);
    setActive(-1);
    if (person) {
      setText('');
      props.onPick(person);
      input.current?.focus();
    } else if (onInvite) {
      onInvite(text.trim());
    }
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      if (!isOpen) {
        setOpen(true);
      } else if (rows > 0 && !event.altKey) {
        const step = key === 'ArrowDown' ? 1 : -1;
        const from = active < 0 && step < 0 ? 0 : active;
        setActive((from + step + rows) % rows);
      } else if (event.altKey && key === 'ArrowUp') {
        setOpen(false);
      }
    } else if (key === 'Enter' && isOpen) {
      event.preventDefault();
      if (active >= 0) {
        pick(active);
      }
    } else if (key === 'Escape' && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else if (key === 'Backspace' && !text) {
      props.onErase?.();
    }
  };

  const optionId = (index: number): string => `${id}-option-${index}`;
  const status = statusOf(result, people.length, text.trim(), trans);
  return (
    <div
      className="jp-MeshPeople"
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
          setOpen(false);
        }
      }}
    >
      <input
        ref={input}
        className="jp-mod-styled"
        role="combobox"
        aria-label={props.label}
        aria-autocomplete="list"
        aria-expanded={hasList}
        aria-controls={hasList ? `${id}-list` : undefined}
        aria-activedescendant={
          hasList && active >= 0 ? optionId(active) : undefined
        }
        autoComplete="off"
        spellCheck={false}
        placeholder={props.placeholder}
        value={text}
        onChange={event => {
          setText(event.target.value);
          setOpen(event.target.value.trim() !== '');
        }}
        onClick={() => setOpen(text.trim() !== '')}
        onKeyDown={onKeyDown}
      />
      <div className="jp-MeshPeople-popup" hidden={!isOpen}>
        <div className="jp-MeshPeople-status" role="status">
          {isOpen && status}
          {isOpen &&
            result.kind === 'found' &&
            result.problems.map(problem => <p key={problem}>{problem}</p>)}
        </div>
        {isOpen && result.kind === 'failed' && (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={() => {
              setAttempt(attempt + 1);
              input.current?.focus();
            }}
          >
            {trans.__('Retry')}
          </button>
        )}
        {hasList && (
          <ul
            ref={list}
            id={`${id}-list`}
            role="listbox"
            aria-label={props.label}
          >
            {people.map((person, index) => (
              <Option
                key={person.key}
                id={optionId(index)}
                isActive={index === active}
                title={person.site?.domain}
                onPick={() => pick(index)}
              >
                <span className="jp-MeshPeople-name">
                  {nameOf(person, trans)}
                </span>
                <span className="jp-MeshPeople-place">
                  {placeOf(person, people, props.ownSite, trans)}
                </span>
              </Option>
            ))}
            {onInvite && (
              <Option
                id={optionId(people.length)}
                isActive={active === people.length}
                onPick={() => pick(people.length)}
              >
                <span className="jp-MeshPeople-invite">
                  {trans.__('Invite someone from another institution…')}
                </span>
              </Option>
            )}
          </ul>
        )}
      </div>
    </div>
  );
}

function Option(props: {
  id: string;
  isActive: boolean;
  title?: string;
  onPick: () => void;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <li
      id={props.id}
      role="option"
      aria-selected={props.isActive}
      title={props.title}
      // The field keeps the focus.
      onMouseDown={event => event.preventDefault()}
      onClick={props.onPick}
    >
      {props.children}
    </li>
  );
}

/** Where somebody is from; with the user name where two could not be told apart. */
function placeOf(
  person: IPerson,
  people: readonly IPerson[],
  ownSite: string,
  trans: TranslationBundle
): string {
  const place = placeWords(person, ownSite, trans);
  const isAmbiguous = people.some(
    other =>
      other.key !== person.key &&
      other.name === person.name &&
      placeWords(other, ownSite, trans) === place
  );
  return isAmbiguous && person.username
    ? trans.__('%1 · %2', person.username, place)
    : place;
}

function statusOf(
  result: Search,
  count: number,
  text: string,
  trans: TranslationBundle
): string {
  switch (result.kind) {
    case 'short':
      return trans.__('Type at least %1 letters of a name.', LETTERS);
    case 'running':
      return result.isSlow ? trans.__('Searching…') : '';
    case 'failed':
      return trans.__('The search failed. %1', result.message);
    case 'found':
      return count
        ? trans._n('%1 found', '%1 found', count, count)
        : trans.__('Nobody found for "%1".', text);
    default:
      return '';
  }
}

/** Those who are chosen, each with a button that takes them back. */
export function Chips(props: {
  people: readonly IPerson[];
  ownSite: string;
  onRemove: (person: IPerson) => void;
  /** Knows by key with whom it did not work. */
  failures?: { has(key: string): boolean };
  label: string;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { people, trans } = props;
  if (!people.length) {
    return null;
  }
  return (
    <ul className="jp-MeshChips" aria-label={props.label}>
      {people.map(person => {
        const name = nameOf(person, trans);
        return (
          <li
            key={person.key}
            data-failed={props.failures?.has(person.key) ?? false}
            title={person.site?.domain}
          >
            <span>{name}</span>
            <span className="jp-MeshPeople-place">
              {placeWords(person, props.ownSite, trans)}
            </span>
            <button
              type="button"
              aria-label={trans.__('Take %1 off the list', name)}
              onClick={() => props.onRemove(person)}
            >
              ×
            </button>
          </li>
        );
      })}
    </ul>
  );
}
