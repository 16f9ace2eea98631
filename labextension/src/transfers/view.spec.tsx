import type { Phase } from './transfer';

import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import { Transfer } from './transfer';
import { summaryOf, troubleOf } from './words';
import { TransfersView } from './view';

const trans = nullTranslator.load('jupyter_mesh');
const surroundings = { site: 'Alpine University', trans };

let now = 0;

function transferIn(phase: Phase, changes: Partial<Transfer> = {}): Transfer {
  const transfer = new Transfer({
    kind: 'upload',
    path: 'mesh/home/survey/data.bin',
    phase,
    id: 'one',
    total: 500e6,
    now: () => now
  });
  return Object.assign(transfer, changes);
}

/** Half a second and 21 MB after 291 MB. */
function moving(phase: Phase): Transfer {
  const transfer = transferIn(phase, { done: 312e6 });
  now = 0;
  transfer.rate.note(291e6);
  now = 500;
  transfer.rate.note(312e6);
  return transfer;
}

describe('TransfersView', () => {
  const onAction = jest.fn();
  const onCancelAll = jest.fn();

  function view(transfers: Transfer[]): JSX.Element {
    return (
      <TransfersView
        transfers={transfers}
        root="mesh"
        onAction={onAction}
        onCancelAll={onCancelAll}
        {...surroundings}
      />
    );
  }

  beforeEach(() => jest.clearAllMocks());

  it.each<[Phase, string]>([
    ['sending', 'Uploading · 312 of 500 MB · 42 MB/s · 5 s left'],
    [
      'storing',
      'Sending to Alpine University · 312 of 500 MB · 42 MB/s · 5 s left'
    ]
  ])('tells both ways of the bytes in words: %s', (phase, line) => {
    render(view([moving(phase)]));
    const bar = screen.getByRole('progressbar', { name: 'data.bin' });
    expect(bar.getAttribute('aria-valuenow')).toBe('62');
    expect(bar.getAttribute('aria-valuetext')).toBe(line);
    expect(screen.getByText(line)).toBeTruthy();
    expect(screen.getByText('to Home/survey')).toBeTruthy();
  });

  it.each<[Phase, Partial<Transfer>, string[]]>([
    ['waiting', {}, ['Cancel data.bin']],
    ['sending', {}, ['Pause data.bin', 'Cancel data.bin']],
    ['paused', {}, ['Resume data.bin', 'Cancel data.bin']],
    ['offline', {}, ['Pause data.bin', 'Cancel data.bin']],
    ['storing', {}, ['Cancel data.bin']],
    ['unfinished', {}, ['Choose file… for data.bin', 'Cancel data.bin']],
    ['done', {}, ['Dismiss data.bin']],
    ['failed', {}, ['Retry data.bin', 'Dismiss data.bin']],
    [
      'failed',
      { isConflict: true, file: new File([], 'data.bin') },
      ['Replace… data.bin', 'Keep both: data.bin', 'Dismiss data.bin']
    ]
  ])('offers what one can do: %s', (phase, changes, names) => {
    const transfer = transferIn(phase, changes);
    render(view([transfer]));
    const buttons = screen.getAllByRole('button');
    expect(buttons.map(button => button.getAttribute('aria-label'))).toEqual(
      names
    );
    fireEvent.click(buttons[0]);
    expect(onAction).toHaveBeenCalledWith(transfer, transfer.actions[0]);
  });

  it.each<[Transfer['kind'], Phase, boolean, string, string[]]>([
    ['upload', 'moving', false, 'to Home/survey', ['Cancel data.bin']],
    ['download', 'moving', false, 'to /data/maya', ['Cancel data.bin']],
    [
      'sync',
      'failed',
      true,
      'to Home/survey',
      ['Retry data.bin', 'Dismiss data.bin']
    ],
    ['copy', 'failed', false, 'to Home/survey', ['Dismiss data.bin']]
  ])(
    'tells where it was started: %s, %s',
    (kind, phase, canRetry, where, names) => {
      const transfer = transferIn(phase, {
        kind,
        path:
          kind === 'download'
            ? '/data/maya/data.bin'
            : 'mesh/home/survey/data.bin',
        elsewhere: {
          program: 'jupyter mesh put',
          local: '/data/maya/data.bin',
          canRetry
        }
      });
      render(view([transfer]));
      expect(screen.getByText(where)).toBeTruthy();
      expect(screen.getByText('Started in a terminal')).toBeTruthy();
      const buttons = screen.getAllByRole('button');
      expect(buttons.map(button => button.getAttribute('aria-label'))).toEqual(
        names
      );
    }
  );

  it('says what failed, aloud', () => {
    render(view([transferIn('failed', { message: 'There is no room left.' })]));
    expect(screen.getByRole('alert').textContent).toBe(
      'There is no room left.'
    );
    expect(screen.queryByRole('progressbar')).toBeNull();
  });

  it('gives the focus to what is nearest when a button goes', () => {
    const transfer = transferIn('sending');
    const { rerender } = render(view([transfer]));
    screen.getByRole('button', { name: 'Pause data.bin' }).focus();
    transfer.phase = 'paused';
    rerender(view([transfer]));
    expect(document.activeElement?.getAttribute('aria-label')).toBe(
      'Resume data.bin'
    );
  });

  it('draws some of thousands and counts the rest; what runs comes first', () => {
    const many = Array.from({ length: 1000 }, () => transferIn('waiting'));
    many.push(transferIn('sending'));
    render(view(many));
    const rows = within(screen.getByRole('list')).getAllByRole('listitem');
    expect(rows).toHaveLength(50);
    expect(screen.getByText('and 951 more')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Pause data.bin' })).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Cancel all' }));
    expect(onCancelAll).toHaveBeenCalledTimes(1);
  });
});

describe('troubleOf', () => {
  it.each<[Phase, Partial<Transfer>, RegExp]>([
    [
      'offline',
      { since: new Date() },
      /^Your Jupyter server does not answer since .+\. The upload goes on by itself\.$/
    ],
    [
      'offline',
      { since: new Date(), message: 'Alpine does not answer.' },
      /^Alpine does not answer\. It is tried again by itself\.$/
    ],
    ['unfinished', {}, /^Choose the file again to continue\.$/],
    ['failed', { status: 403 }, /^Your login has ended\./],
    ['failed', { status: 413 }, /does not let so much through\.$/],
    ['sending', {}, /^$/]
  ])('%s with %j', (phase, changes, text) => {
    expect(troubleOf(transferIn(phase, changes), surroundings)).toMatch(text);
  });
});

describe('summaryOf', () => {
  it.each<[string, Transfer[], string]>([
    ['nothing', [], ''],
    ['what is done', [transferIn('done')], ''],
    ['one', [transferIn('sending', { done: 215e6 })], '↑ 1 upload 43 %'],
    [
      'one that has arrived and one that has not',
      [
        transferIn('sending', { done: 0 }),
        transferIn('storing', { done: 10e6 })
      ],
      '↑ 2 uploads 50 %'
    ],
    [
      'what failed',
      [transferIn('failed'), transferIn('failed')],
      '2 transfers failed'
    ]
  ])('of %s', (_, transfers, text) => {
    expect(summaryOf(transfers, trans)).toBe(text);
  });
});
