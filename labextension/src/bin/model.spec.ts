import type { IBinItem } from '../past';

import { BinModel } from './model';

function item(name: string): IBinItem {
  return {
    key: `key of ${name}`,
    path: `mesh/home/${name}`,
    name,
    kind: 'file',
    size: 1,
    deleted: '2026-11-20T10:00:00Z'
  };
}

describe('BinModel', () => {
  let items: IBinItem[];
  let purged: string[][];
  let model: BinModel;

  beforeEach(() => {
    items = [item('fit.ipynb'), item('Data.csv'), item('old data.txt')];
    purged = [];
    model = new BinModel({
      home: { path: 'mesh/home', label: 'Home' },
      projects: () =>
        Promise.resolve([{ path: 'mesh/projects/lofar', label: 'lofar' }]),
      fetch: path => Promise.resolve(path === 'mesh/home' ? items : []),
      purge: (_, keys) => {
        purged.push(keys);
        items = items.filter(each => !keys.includes(each.key));
        return Promise.resolve({ purged: keys.length, failed: [] });
      },
      isSeen: () => true,
      noteFailure: () => undefined
    });
  });

  afterEach(() => model.dispose());

  it('finds by name and folder, whatever the case', async () => {
    await model.refresh();
    model.search = ' DATA ';
    expect(model.found.map(each => each.name)).toEqual([
      'Data.csv',
      'old data.txt'
    ]);
  });

  it('deletes in pieces what was named, and nothing else', async () => {
    items = Array.from({ length: 450 }, (_, number) => item(`f${number}`));
    await model.refresh();
    const named = model.found.map(each => each.key);
    items = [...items, item('deleted meanwhile')];
    await model.purge(named);
    expect(purged.map(keys => keys.length)).toEqual([200, 200, 50]);
    expect(model.items?.map(each => each.name)).toEqual(['deleted meanwhile']);
    expect(model.progress).toBeNull();
  });

  it('stops between two pieces', async () => {
    items = Array.from({ length: 450 }, (_, number) => item(`f${number}`));
    await model.refresh();
    model.stateChanged.connect(() => model.stop());
    await model.purge(model.found.map(each => each.key));
    expect(purged.length).toBe(1);
  });

  it('tells why there is no list, and keeps the one it had', async () => {
    await model.refresh();
    const fetch = jest.fn().mockRejectedValue(new Error('Alpine is away.'));
    const noteFailure = jest.fn();
    const broken = new BinModel({
      home: { path: 'mesh/home', label: 'Home' },
      projects: () => Promise.resolve([]),
      fetch,
      purge: jest.fn(),
      isSeen: () => true,
      noteFailure
    });
    await broken.refresh();
    expect(broken.failure).toBe('Alpine is away.');
    expect(noteFailure).toHaveBeenCalled();
    broken.dispose();
  });
});
