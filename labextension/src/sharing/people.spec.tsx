import type { IFound, IPerson } from './api';

import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { Chips, PeopleSearch } from './people';

const trans = nullTranslator.load('jupyter_mesh');

function person(name: string, more: Partial<IPerson> = {}): IPerson {
  return {
    key: `user:${name}@`,
    kind: 'user',
    name,
    username: '',
    members: null,
    site: null,
    ...more
  };
}

const COAST = { domain: 'coast.example', title: 'Coast Institute' };
const JAN = person('Jan Novak', { kind: 'contact', site: COAST });
const JANA = person('Jana Berg');
const JAZZ = person('jazz-club', { kind: 'group', members: 14 });

describe('PeopleSearch', () => {
  const search = jest.fn<Promise<IFound>, [string, AbortSignal]>();
  const onPick = jest.fn();
  const onInvite = jest.fn();
  let opened: boolean[];

  const show = (chosen: string[] = []): HTMLElement => {
    render(
      <PeopleSearch
        label="Add people"
        search={search}
        onPick={onPick}
        onInvite={onInvite}
        onOpenChange={isOpen => opened.push(isOpen)}
        chosen={chosen}
        ownSite="Alpine University"
        trans={trans}
      />
    );
    return screen.getByRole('combobox', { name: 'Add people' });
  };
  const type = (value: string): void => {
    fireEvent.change(screen.getByRole('combobox'), { target: { value } });
  };
  const pass = (milliseconds: number): Promise<void> =>
    act(async () => {
      await jest.advanceTimersByTimeAsync(milliseconds);
    });
  const rows = (): (string | null)[] =>
    screen.getAllByRole('option').map(option => option.textContent);
  const press = (key: string): void => {
    fireEvent.keyDown(screen.getByRole('combobox'), { key });
  };

  beforeEach(() => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    opened = [];
    search.mockResolvedValue({ items: [JAN, JANA, JAZZ], problems: [] });
  });

  afterEach(() => jest.useRealTimers());

  it('asks once for each pause in typing, and never below three letters', async () => {
    show();
    type('ja');
    await pass(400);
    expect(search).not.toHaveBeenCalled();
    expect(screen.getByText('Type at least 3 letters of a name.')).toBeTruthy();
    type('jan');
    await pass(200);
    type('jana');
    await pass(200);
    expect(search).not.toHaveBeenCalled();
    await pass(100);
    expect(search.mock.calls.map(call => call[0])).toEqual(['jana']);
  });

  it('gives up a request that is overtaken', async () => {
    search.mockReturnValueOnce(new Promise(() => undefined));
    show();
    type('jan');
    await pass(300);
    const { aborted } = search.mock.calls[0][1];
    type('janx');
    expect([aborted, search.mock.calls[0][1].aborted]).toEqual([false, true]);
  });

  it('shows names first, then where from, and an invitation last', async () => {
    show();
    type('jaz');
    await pass(300);
    expect(rows()).toEqual([
      'Jan NovakCoast Institute · contact',
      'Jana BergAlpine University',
      'jazz-clubgroup · 14 members',
      'Invite someone from another institution…'
    ]);
  });

  it('tells two of one name and place apart', async () => {
    const twins = ['jb', 'jana.b'].map(username =>
      person('Jana Berg', { key: username, username })
    );
    search.mockResolvedValue({ items: twins, problems: [] });
    show();
    type('jana');
    await pass(300);
    expect(rows().slice(0, 2)).toEqual([
      'Jana Bergjb · Alpine University',
      'Jana Bergjana.b · Alpine University'
    ]);
  });

  it('is complete by keyboard', async () => {
    const input = show();
    type('jan');
    await pass(300);
    const active = (): string | null | undefined =>
      document.getElementById(input.getAttribute('aria-activedescendant') ?? '')
        ?.textContent;
    expect(active()).toContain('Jan Novak');
    press('ArrowDown');
    expect(active()).toContain('Jana Berg');
    press('ArrowUp');
    press('ArrowUp');
    expect(active()).toContain('Invite someone');
    press('ArrowDown');
    press('Enter');
    expect(onPick).toHaveBeenCalledWith(JAN);
    expect((input as HTMLInputElement).value).toBe('');
    expect(input.getAttribute('aria-expanded')).toBe('false');
  });

  it('leaves the list with Escape, and says when it is open', async () => {
    show();
    type('jan');
    await pass(300);
    press('Escape');
    expect(screen.queryByRole('listbox')).toBeNull();
    expect(opened).toEqual([false, true, false]);
  });

  it('does not offer those who are chosen', async () => {
    show([JAN.key]);
    type('jan');
    await pass(300);
    expect(rows()[0]).toContain('Jana Berg');
  });

  it('leads to an invitation when nobody is found', async () => {
    search.mockResolvedValue({ items: [], problems: ['Contacts: no answer.'] });
    show();
    type('nobody');
    await pass(300);
    expect(screen.getByText('Nobody found for "nobody".')).toBeTruthy();
    expect(screen.getByText('Contacts: no answer.')).toBeTruthy();
    press('Enter');
    expect(onInvite).not.toHaveBeenCalled();
    press('ArrowDown');
    press('Enter');
    expect(onInvite).toHaveBeenCalledWith('nobody');
  });

  it('says that it failed, and tries again', async () => {
    search.mockRejectedValueOnce(new Error('The site does not answer.'));
    show();
    type('jan');
    await pass(300);
    expect(
      screen.getByText('The search failed. The site does not answer.')
    ).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
    await pass(300);
    expect(rows()).toHaveLength(4);
  });

  it('says that it searches only when it takes its time', async () => {
    search.mockReturnValue(new Promise(() => undefined));
    show();
    type('jan');
    await pass(400);
    expect(screen.queryByText('Searching…')).toBeNull();
    await pass(100);
    expect(screen.getByText('Searching…')).toBeTruthy();
  });
});

describe('Chips', () => {
  it('can be taken back, each by name', () => {
    const onRemove = jest.fn();
    render(
      <Chips
        people={[JAN, JAZZ]}
        ownSite="Alpine University"
        onRemove={onRemove}
        label="To share with"
        trans={trans}
      />
    );
    fireEvent.click(
      screen.getByRole('button', { name: 'Take jazz-club off the list' })
    );
    expect(onRemove).toHaveBeenCalledWith(JAZZ);
  });
});
