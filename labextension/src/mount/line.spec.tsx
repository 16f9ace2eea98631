import type { IMountStatus } from '../tokens';

import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { MountView } from './line';
import { lineFor } from './words';

const trans = nullTranslator.load('jupyter_mesh');

const SINCE = new Date();
SINCE.setHours(14, 2, 0, 0);

function mountIn(changes: Partial<IMountStatus> = {}): IMountStatus {
  return {
    state: 'ready',
    message: '',
    dir: '/home/maya/mesh',
    waiting: 0,
    pending: [],
    failing_since: null,
    conflicts: [],
    ...changes
  };
}

const CONFLICT = {
  path: 'mesh/home/fit.csv',
  copy: 'mesh/home/fit (conflict).csv',
  who: 'Jan Novak',
  when: '2026-11-21T14:02:00Z'
};

describe('lineFor', () => {
  it.each<[string, Partial<IMountStatus>, string | null, RegExp]>([
    ['no mount', { state: 'none' }, null, /^/],
    ['all is well', {}, 'quiet', /^Mounted for code$/],
    [
      'one file',
      { waiting: 1 },
      'busy',
      /^1 file on its way to Alpine University$/
    ],
    ['files', { waiting: 3 }, 'busy', /^3 files on their way to Alpine/],
    ['starting', { state: 'starting' }, 'busy', /^Mounting/],
    [
      'stopping',
      { state: 'stopping', waiting: 2 },
      'busy',
      /^Unmounting: 2 files on their way/
    ],
    [
      'failing',
      {
        state: 'failing',
        waiting: 3,
        failing_since: SINCE.toISOString(),
        message: 'No room is left.'
      },
      'warning',
      /^3 files that code wrote cannot be sent to Alpine University since .*2.* No room is left\. Nothing is lost/
    ],
    [
      'the site is away and nothing waits',
      { state: 'failing', failing_since: SINCE.toISOString() },
      'warning',
      /^The mounted folder cannot reach Alpine University since/
    ],
    [
      'hung',
      { state: 'hung' },
      'error',
      /Files opened by code may hang\. Restart the server\.$/
    ],
    [
      'gone',
      { state: 'gone', waiting: 1 },
      'error',
      /What is not at Alpine University yet is kept/
    ]
  ])('%s', (_, changes, kind, text) => {
    const line = lineFor(mountIn(changes), 'Alpine University', true, trans);
    expect(line?.kind ?? null).toBe(kind);
    expect(line?.text ?? '').toMatch(text);
  });

  it('says that files wait while the site is away', () => {
    const line = lineFor(mountIn({ waiting: 2 }), 'Alpine', false, trans);
    expect(line?.text).toBe(
      '2 files that code wrote wait until Alpine answers.'
    );
  });

  it('names what waits for who asks', () => {
    const pending = Array.from({ length: 12 }, (_, index) => ({
      path: `mesh/home/${index}.csv`,
      size: 1,
      uploading: false,
      tries: 0,
      since: ''
    }));
    const line = lineFor(
      mountIn({ waiting: 500, pending }),
      'Alpine',
      true,
      trans
    );
    expect(line?.detail).toContain('/home/maya/mesh');
    expect(line?.detail).toContain('mesh/home/9.csv');
    expect(line?.detail).toContain('and 490 more');
  });
});

describe('MountView', () => {
  const actions = {
    tryNow: jest.fn(),
    open: jest.fn(),
    compare: jest.fn(),
    dismiss: jest.fn()
  };

  function view(mount: IMountStatus | null, isTrying = false): JSX.Element {
    return (
      <MountView
        mount={mount}
        site="Alpine University"
        isOnline={true}
        isTrying={isTrying}
        actions={actions}
        trans={trans}
      />
    );
  }

  it('takes no room without a mount', () => {
    const { container } = render(view(mountIn({ state: 'none' })));
    expect(container.textContent).toBe('');
  });

  it('is aloud only when the user is needed', () => {
    const { rerender } = render(view(mountIn()));
    expect(screen.getByRole('status').textContent).toBe('Mounted for code');
    expect(screen.queryByRole('button')).toBeNull();
    rerender(view(mountIn({ state: 'hung' })));
    expect(screen.getByRole('alert').textContent).toContain('Restart');
  });

  it('offers to try at once what failed, once', () => {
    const failing = mountIn({
      waiting: 1,
      state: 'failing',
      failing_since: SINCE.toISOString()
    });
    const { rerender } = render(view(failing));
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    expect(actions.tryNow).toHaveBeenCalledTimes(1);
    rerender(view(failing, true));
    const button = screen.getByRole<HTMLButtonElement>('button');
    expect(button.disabled).toBe(true);
    expect(button.textContent).toBe('Trying…');
  });

  it('names both files of a conflict and what one can do', () => {
    render(view(mountIn({ conflicts: [CONFLICT] })));
    expect(screen.getByRole('alert').textContent).toBe(
      '"fit.csv" was changed by Jan Novak while code wrote it. Both are kept: what code wrote is "fit (conflict).csv".'
    );
    fireEvent.click(
      screen.getByRole('button', { name: 'Open fit (conflict).csv' })
    );
    expect(actions.open).toHaveBeenCalledWith(CONFLICT);
    fireEvent.click(
      screen.getByRole('button', { name: 'Compare fit (conflict).csv' })
    );
    expect(actions.compare).toHaveBeenCalledWith(CONFLICT);
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(actions.dismiss).toHaveBeenCalledTimes(1);
  });

  it('draws some of many conflicts and counts the rest', () => {
    const conflicts = Array.from({ length: 8 }, (_, index) => ({
      ...CONFLICT,
      who: '',
      copy: `mesh/home/${index}.csv`
    }));
    render(view(mountIn({ conflicts })));
    expect(screen.getAllByRole('listitem')).toHaveLength(5);
    expect(screen.getByText('and 3 more')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Dismiss all' })).toBeTruthy();
  });
});
