import type { Notice } from './notice';
import type { ISiteStatus } from '../tokens';

import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { AreaTabs } from './areas';
import { Details } from '../site/details';
import { formatBytes, formatQuota, formatSince } from '../format';
import { Header, QuotaBar } from './header';
import { NoticeView } from './noticeview';

const trans = nullTranslator.load('jupyter_mesh');

const STATUS: ISiteStatus = {
  site: {
    name: 'alpine',
    title: 'Alpine University',
    gateway: 'mesh.alpine:9142'
  },
  user: { username: 'maya', displayName: 'Maya Rossi' },
  state: 'online',
  since: '2026-11-21T14:02:00Z',
  message: '',
  trace: '',
  quota: { used: 3.1e9, total: 50e9 },
  features: { ranges: true, locks: false, unheard_of: true },
  signIn: null
};

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [2_140_000_000, '2.1 GB'],
    [123_456_789, '123 MB']
  ])('%i bytes read %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [3.1e9, 50e9, '3.1 of 50 GB used'],
    [0, 50e9, '0 of 50 GB used'],
    [2e6, 50e9, '2 MB of 50 GB used']
  ])('a quota of %i and %i reads %s', (used, total, text) => {
    expect(formatQuota({ used, total }, trans)).toBe(text);
  });

  it('leaves the date out of a time of today', () => {
    const now = new Date(2026, 10, 21, 15, 0);
    const today = formatSince(new Date(2026, 10, 21, 14, 2), now);
    expect(today).toMatch(/02/);
    expect(today).not.toMatch(/21/);
    expect(formatSince(new Date(2026, 10, 20, 14, 2), now)).toMatch(/20/);
  });
});

describe('Header', () => {
  const actions = {
    trans,
    isLoading: false,
    onDetails: jest.fn(),
    onRefresh: jest.fn(),
    onMenu: jest.fn()
  };

  it('names person, place and state, and opens the details', () => {
    render(<Header {...actions} status={STATUS} />);
    fireEvent.click(
      screen.getByRole('button', {
        name: 'Maya Rossi at Alpine University: Connected. Show details.'
      })
    );
    expect(actions.onDetails).toHaveBeenCalledTimes(1);
    expect(screen.getByRole('meter', { name: 'Storage' })).toBeTruthy();
  });

  it('says in words that the site is away, and shows no quota then', () => {
    render(<Header {...actions} status={{ ...STATUS, state: 'offline' }} />);
    expect(screen.getByText('Not answering')).toBeTruthy();
    expect(screen.queryByRole('meter')).toBeNull();
  });

  it('gives the menu its button', () => {
    render(<Header {...actions} status={null} />);
    const button = screen.getByRole('button', { name: 'Account' });
    fireEvent.click(button);
    expect(actions.onMenu).toHaveBeenCalledWith(button);
  });
});

describe('QuotaBar', () => {
  it.each([
    ['no quota', null],
    ['no limit', { used: 5, total: null }]
  ])('is not there with %s', (_, quota) => {
    const { container } = render(<QuotaBar quota={quota} trans={trans} />);
    expect(container.innerHTML).toBe('');
  });

  it.each([
    [44e9, '44 of 50 GB used'],
    [45e9, '45 of 50 GB used: nearly full']
  ])('warns in words from 90 %%: %i', (used, text) => {
    render(<QuotaBar quota={{ used, total: 50e9 }} trans={trans} />);
    expect(screen.getByText(text)).toBeTruthy();
  });
});

describe('AreaTabs', () => {
  const areas = [
    { name: 'home' as const, path: 'mesh/home' },
    { name: 'projects' as const, path: 'mesh/projects' },
    { name: 'shares' as const, path: 'mesh/shares' }
  ];

  it.each([
    ['ArrowRight', 1],
    ['ArrowLeft', 2],
    ['End', 2],
    ['Home', 0]
  ])('%s from the first goes to number %i', (key, index) => {
    const onSelect = jest.fn();
    render(
      <AreaTabs
        areas={areas}
        current="home"
        trans={trans}
        onSelect={onSelect}
      />
    );
    fireEvent.keyDown(screen.getByRole('tab', { name: 'Home' }), { key });
    expect(onSelect).toHaveBeenCalledWith(areas[index]);
    expect(document.activeElement).toBe(screen.getAllByRole('tab')[index]);
  });

  it('has one tab stop', () => {
    render(
      <AreaTabs
        areas={areas}
        current="projects"
        trans={trans}
        onSelect={jest.fn()}
      />
    );
    const stops = screen.getAllByRole('tab').map(tab => tab.tabIndex);
    expect(stops).toEqual([-1, 0, -1]);
  });
});

describe('NoticeView', () => {
  const actions = {
    retry: jest.fn(),
    dismiss: jest.fn(),
    signIn: jest.fn(),
    details: jest.fn(),
    upload: jest.fn(),
    newNotebook: jest.fn(),
    clearFilter: jest.fn()
  };

  function show(notice: Notice): void {
    render(<NoticeView notice={notice} actions={actions} trans={trans} />);
  }

  it('says since when the site is away and offers to try', () => {
    show({
      kind: 'offline',
      site: 'Alpine University',
      since: new Date(),
      isAsking: false
    });
    expect(screen.getByRole('alert').textContent).toMatch(
      /^Alpine University does not answer since .*Open notebooks keep your changes/
    );
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    expect(actions.retry).toHaveBeenCalledTimes(1);
  });

  it('cannot be pressed twice while it tries', () => {
    show({ kind: 'offline', site: 'A', since: new Date(), isAsking: true });
    expect(
      screen.getByRole<HTMLButtonElement>('button', { name: 'Trying…' })
        .disabled
    ).toBe(true);
  });

  it.each<[string, Notice, string, keyof typeof actions]>([
    [
      'signed out',
      { kind: 'signed-out', site: 'A' },
      'Sign in again',
      'signIn'
    ],
    ['no site', { kind: 'not-configured' }, 'How to connect', 'details'],
    ['an error', { kind: 'error', message: 'No.' }, 'Retry', 'retry'],
    ['what is gone', { kind: 'gone', message: 'No.' }, 'OK', 'dismiss'],
    ['a filter', { kind: 'filtered' }, 'Clear filter', 'clearFilter'],
    [
      'an empty folder',
      { kind: 'empty', area: 'home', isTop: true, isWritable: true },
      'New notebook',
      'newNotebook'
    ]
  ])('offers what helps with %s', (_, notice, label, action) => {
    show(notice);
    fireEvent.click(screen.getByRole('button', { name: label }));
    expect(actions[action]).toHaveBeenCalled();
  });

  it('offers nothing to do in a folder that takes nothing', () => {
    show({ kind: 'empty', area: 'home', isTop: false, isWritable: false });
    expect(screen.getByText('Nothing here yet.')).toBeTruthy();
    expect(screen.queryByRole('button')).toBeNull();
  });

  it('has nothing to press where nobody has shared anything', () => {
    show({ kind: 'empty', area: 'shares', isTop: true, isWritable: false });
    expect(screen.getByText(/Nobody has shared/)).toBeTruthy();
    expect(screen.queryByRole('button')).toBeNull();
  });
});

describe('Details', () => {
  it('lists what the site can, what it lacks with what follows, and what nobody has tried', () => {
    render(
      <Details status={STATUS} mount={null} abilities={null} trans={trans} />
    );
    expect(screen.getByText('mesh.alpine:9142')).toBeTruthy();
    const features = screen
      .getAllByRole('listitem')
      .map(item => item.textContent);
    expect(features).toHaveLength(6);
    expect(features).toContain('yesReads parts of large files');
    expect(features).toContain(
      'not tried yetNotices when two people save the same file at once'
    );
    expect(features[1]).toMatch(
      /^noShows who is editing a file.*without knowing of each other/
    );
  });

  it('says how to connect when there is no site', () => {
    render(
      <Details
        status={{ ...STATUS, state: 'not-configured' }}
        mount={null}
        abilities={null}
        trans={trans}
      />
    );
    expect(screen.getByText(/jupyter mesh login/)).toBeTruthy();
  });
});
