import type { IMarks, ISharingEvent } from './api';
import type { ISharingState } from '../tokens';

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { SharingMarks } from './marks';
import { shareOf } from './revoked';

const areas = [
  { name: 'home' as const, path: 'mesh/home' },
  { name: 'shares' as const, path: 'mesh/shares' }
];
const JAN = {
  key: 'jan',
  kind: 'contact' as const,
  name: 'Jan Novak',
  username: '',
  members: null,
  site: { domain: 'coast.example', title: 'Coast Institute' }
};
const MARKS: IMarks = {
  given: [
    { path: 'mesh/home/a', people: 2, groups: 1, byLink: true },
    { path: 'mesh/home/b', people: 0, groups: 0, byLink: true }
  ],
  received: [{ path: 'mesh/shares/survey', from: JAN }]
};

describe('SharingMarks', () => {
  const changed = new Signal<ISharingState, ISharingEvent>({} as ISharingState);
  const fetch = jest.fn<Promise<IMarks>, []>();
  let now: number;
  let marks: SharingMarks;

  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) {
      await Promise.resolve();
    }
  };

  beforeEach(async () => {
    now = 0;
    fetch.mockReset().mockResolvedValue(MARKS);
    marks = new SharingMarks({
      mesh: { areas },
      sharing: { changed },
      fetch,
      now: () => now,
      trans: nullTranslator.load('jupyter_mesh')
    });
    marks.look();
    await settled();
  });

  afterEach(() => Signal.clearData(marks));

  it.each([
    [
      'mesh/home/a',
      true,
      'shared · 3',
      'Shared with 2 people and 1 group, by link'
    ],
    ['mesh/home/b', true, 'by link', 'by link'],
    ['mesh/home/c', false, '', ''],
    [
      'mesh/shares/survey',
      true,
      'Coast Institute',
      'From Jan Novak at coast.example'
    ],
    [
      'mesh/shares/survey',
      false,
      'Coast Institute, read-only',
      'From Jan Novak at coast.example, You can view this but not change it.'
    ]
  ])('of %s, writable: %s, say "%s"', (path, writable, text, title) => {
    expect(marks.of({ path, writable })).toEqual({ text, title });
  });

  it('ask once for all folders, until it is old', async () => {
    marks.look();
    now += 200_000;
    marks.look();
    expect(fetch).toHaveBeenCalledTimes(1);
    now += 200_000;
    marks.look();
    expect(fetch).toHaveBeenCalledTimes(2);
    await settled();
  });

  it('are asked for again after an event, once for many', async () => {
    for (const what of ['shares', 'links', 'shares'] as const) {
      changed.emit({ what, path: '' });
    }
    await settled();
    expect(fetch).toHaveBeenCalledTimes(3);
    changed.emit({ what: 'contacts', path: '' });
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  it('stay when the server does not answer', async () => {
    jest.spyOn(console, 'warn').mockImplementation();
    fetch.mockRejectedValueOnce(new Error('away'));
    changed.emit({ what: 'shares', path: '' });
    await settled();
    expect(marks.of({ path: 'mesh/home/b', writable: true }).text).toBe(
      'by link'
    );
  });

  it('remember who shared what has ended', async () => {
    fetch.mockResolvedValueOnce({ given: [], received: [] });
    changed.emit({ what: 'received', path: '' });
    await settled();
    expect(marks.of({ path: 'mesh/shares/survey', writable: true }).text).toBe(
      ''
    );
    expect(marks.from('mesh/shares/survey')).toBe(JAN);
  });
});

describe('shareOf', () => {
  it.each([
    ['mesh/shares/survey/a/b.txt', 'mesh/shares/survey'],
    ['mesh/shares/survey', 'mesh/shares/survey'],
    ['mesh/home/a.txt', ''],
    ['mesh/sharesx/a.txt', '']
  ])('of %s is "%s"', (path, share) => {
    expect(shareOf(path, { areas })).toBe(share);
  });
});
