import type { ISituation, Notice } from './notice';
import type { IArea, ISiteStatus } from '../tokens';

import { areaOf, noticeFor } from './notice';

const AREAS: IArea[] = [
  { name: 'home', path: 'mesh/home' },
  { name: 'projects', path: 'mesh/projects' },
  { name: 'shares', path: 'mesh/shares' }
];

function situation(
  change: Partial<ISituation> = {},
  state: ISiteStatus['state'] = 'online'
): ISituation {
  return {
    status: {
      site: { name: 'alpine', title: 'Alpine', gateway: '' },
      user: null,
      state,
      since: '2026-11-21T14:02:00Z',
      message: '',
      trace: '',
      quota: null,
      features: {},
      signIn: null
    },
    isAsking: false,
    isSlow: false,
    isPopulated: true,
    isEmpty: false,
    isFiltered: false,
    isWritable: true,
    failure: '',
    isGone: false,
    path: 'mesh/home',
    areas: AREAS,
    ...change
  };
}

describe('noticeFor', () => {
  it.each<[string, ISituation, Notice['kind']]>([
    ['files', situation(), 'none'],
    [
      'nothing known yet',
      situation({ status: null, isPopulated: false }),
      'none'
    ],
    ['a slow folder', situation({ isSlow: true }), 'loading'],
    ['a folder that failed', situation({ failure: 'No.' }), 'error'],
    [
      'a folder that is gone',
      situation({ failure: 'No.', isGone: true }),
      'gone'
    ],
    ['an empty folder', situation({ isEmpty: true }), 'empty'],
    [
      'all filtered',
      situation({ isEmpty: true, isFiltered: true }),
      'filtered'
    ],
    ['site away', situation({}, 'offline'), 'offline'],
    [
      'site away, folder failed',
      situation({ failure: 'No.' }, 'offline'),
      'offline'
    ],
    ['login ended', situation({ isEmpty: true }, 'signed-out'), 'signed-out'],
    [
      'no site',
      situation({ failure: 'No.' }, 'not-configured'),
      'not-configured'
    ]
  ])('%s', (_, given, kind) => {
    expect(noticeFor(given).kind).toBe(kind);
  });

  it('tells an empty area from an empty folder below it', () => {
    const top = noticeFor(situation({ isEmpty: true, path: 'mesh/shares' }));
    expect(top).toEqual({
      kind: 'empty',
      area: 'shares',
      isTop: true,
      isWritable: true
    });
    const below = noticeFor(
      situation({ isEmpty: true, path: 'mesh/shares/x' })
    );
    expect(below).toEqual({
      kind: 'empty',
      area: 'shares',
      isTop: false,
      isWritable: true
    });
  });
});

describe('areaOf', () => {
  it.each([
    ['mesh/home', 'home'],
    ['/mesh/projects/lofar', 'projects'],
    ['mesh/homestead', undefined],
    ['mesh', undefined]
  ])('%s', (path, name) => {
    expect(areaOf(path, AREAS)?.name).toBe(name);
  });

  it('finds the one area of a mesh that shows only a part', () => {
    expect(areaOf('any/where', [{ name: 'home', path: '' }])?.name).toBe(
      'home'
    );
  });
});
