import type { IPerson, IShare } from '../sharing/api';
import type { IOwnLink } from './api';

import { nullTranslator } from '@jupyterlab/translation';

import { ownRows } from './own';
import { countWords } from './words';

const trans = nullTranslator.load('jupyter_mesh');

function share(path: string, kind: IPerson['kind'], id = path): IShare {
  return {
    id: `${id}-${kind}-${Math.random()}`,
    path,
    name: path.slice(path.lastIndexOf('/') + 1) || 'gone',
    kind: 'directory',
    with: { kind } as IPerson,
    role: 'viewer',
    expires: null,
    note: '',
    created: null,
    federated: false
  };
}

describe('ownRows', () => {
  it('has one row for each thing, in the order of the list, and counts who has access', () => {
    const rows = ownRows(
      [
        share('mesh/home/b', 'user'),
        share('mesh/home/a', 'contact'),
        share('mesh/home/a', 'user'),
        share('mesh/home/a', 'group')
      ],
      [{ path: 'mesh/home/a', id: 'l1' } as IOwnLink]
    );
    expect(rows.map(row => [row.name, countWords(row, trans)])).toEqual([
      ['b', '1 person'],
      ['a', '2 people, 1 group, 1 link']
    ]);
  });

  it('keeps apart what is not among the files any more', () => {
    const rows = ownRows([share('', 'user'), share('', 'user')], []);
    expect(rows).toHaveLength(2);
  });
});
