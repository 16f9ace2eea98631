import type { Contents } from '@jupyterlab/services';
import type { TransfersModel } from './model';
import type { Choice } from './intake';

import { readInput } from './entries';
import { freePath, Intake } from './intake';

function fileOf(name: string): File {
  return new File(['x'], name);
}

describe('Intake', () => {
  /** Folders by path, with what they hold. */
  let tree: Record<string, { name: string; type: string }[]>;
  let choices: { choice: Choice; isForAll: boolean }[];
  const ask = jest.fn();
  const save = jest.fn();
  const upload = jest.fn();
  const findUnfinished = jest.fn();
  const continueWith = jest.fn();
  let intake: Intake;
  let listings: string[];

  beforeEach(() => {
    jest.resetAllMocks();
    tree = { 'mesh/home': [] };
    choices = [];
    listings = [];
    findUnfinished.mockReturnValue(null);
    ask.mockImplementation(() => Promise.resolve(choices.shift()));
    save.mockResolvedValue({});
    upload.mockImplementation((_, path: string) => Promise.resolve({ path }));
    intake = new Intake({
      contents: {
        get: (path: string, options?: Contents.IFetchOptions) => {
          if (options?.hash) {
            return Promise.resolve({ hash: `hash of ${path}` });
          }
          listings.push(path);
          return path in tree
            ? Promise.resolve({ content: tree[path] })
            : Promise.reject(new Error('404'));
        },
        save
      } as unknown as Contents.IManager,
      transfers: {
        upload,
        findUnfinished,
        continueWith,
        wait: () => Promise.resolve({})
      } as unknown as TransfersModel,
      ask
    });
  });

  /** Paths of what was uploaded, with the hash to be replaced. */
  const uploaded = (): unknown[] =>
    upload.mock.calls.map(([, path, replace]: unknown[]) => [path, replace]);

  it('asks nothing where nothing is taken, and reads the folder once', async () => {
    await Promise.all(
      ['a', 'b', 'c'].map(name =>
        intake.addFile(fileOf(name), `mesh/home/${name}`)
      )
    );
    expect(ask).not.toHaveBeenCalled();
    expect(listings).toEqual(['mesh/home']);
    expect(uploaded()).toHaveLength(3);
  });

  it.each<[Choice, unknown[]]>([
    ['replace', [['mesh/home/a.csv', 'hash of mesh/home/a.csv']]],
    ['keep', [['mesh/home/a-Copy2.csv', null]]],
    ['skip', []]
  ])(
    'does with a name that is taken what was said: %s',
    async (choice, done) => {
      tree['mesh/home'] = ['a.csv', 'a-Copy1.csv'].map(name => ({
        name,
        type: 'file'
      }));
      choices = [{ choice, isForAll: false }];
      void intake.addFile(fileOf('a.csv'), 'mesh/home/a.csv');
      await new Promise(resolve => setTimeout(resolve, 5));
      expect(ask).toHaveBeenCalledTimes(1);
      expect(uploaded()).toEqual(done);
    }
  );

  it('asks once for many, and does not wait with those that are free', async () => {
    tree['mesh/home'] = ['a', 'b', 'c'].map(name => ({ name, type: 'file' }));
    choices = [{ choice: 'replace', isForAll: true }];
    await Promise.all(
      ['a', 'free', 'b', 'c'].map(name =>
        intake.addFile(fileOf(name), `mesh/home/${name}`)
      )
    );
    expect(ask).toHaveBeenCalledTimes(1);
    expect(ask).toHaveBeenCalledWith(expect.anything(), 2);
    expect(uploaded()[0]).toEqual(['mesh/home/free', null]);
    expect(uploaded()).toHaveLength(4);
  });

  it('does not replace a folder by a file, whatever was said for all', async () => {
    tree['mesh/home'] = [
      { name: 'a', type: 'file' },
      { name: 'b', type: 'directory' }
    ];
    choices = [
      { choice: 'replace', isForAll: true },
      { choice: 'keep', isForAll: false }
    ];
    await Promise.all(
      ['a', 'b'].map(name => intake.addFile(fileOf(name), `mesh/home/${name}`))
    );
    expect(uploaded()[1]).toEqual(['mesh/home/b-Copy1', null]);
  });

  it('goes on with what was begun, without a question', async () => {
    tree['mesh/home'] = [{ name: 'a', type: 'file' }];
    const begun = {};
    findUnfinished.mockReturnValue(begun);
    const file = fileOf('a');
    await intake.addFile(file, 'mesh/home/a');
    expect(ask).not.toHaveBeenCalled();
    expect(continueWith).toHaveBeenCalledWith(begun, file);
  });

  it('uploads where the folder cannot be read: the upload will tell why', async () => {
    await intake.addFile(fileOf('a'), 'mesh/projects/p/a');
    expect(uploaded()).toEqual([['mesh/projects/p/a', null]]);
  });

  it('makes the folders of a tree, parents first, and asks only in those that were there', async () => {
    tree['mesh/home'] = [{ name: 'old', type: 'directory' }];
    tree['mesh/home/old'] = [{ name: 'x', type: 'file' }];
    choices = [{ choice: 'skip', isForAll: false }];
    await intake.addTree('mesh/home', [
      { path: 'mesh/home/new/deep/a', file: fileOf('a') },
      { path: 'mesh/home/new/empty', file: null },
      { path: 'mesh/home/old/x', file: fileOf('x') }
    ]);
    expect(save.mock.calls.map(([path]: unknown[]) => path)).toEqual([
      'mesh/home/new',
      'mesh/home/new/deep',
      'mesh/home/new/empty'
    ]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(uploaded()).toEqual([['mesh/home/new/deep/a', null]]);
    expect(listings.sort()).toEqual(['mesh/home', 'mesh/home/old']);
  });

  it('stops before the first byte if a folder cannot be made', async () => {
    save.mockRejectedValue(new Error('Not a directory: mesh/home/new'));
    await expect(
      intake.addTree('mesh/home', [
        { path: 'mesh/home/new/a', file: fileOf('a') }
      ])
    ).rejects.toThrow('Not a directory');
    expect(upload).not.toHaveBeenCalled();
  });
});

describe('freePath', () => {
  it.each([
    ['mesh/home/a.csv', [], 'mesh/home/a.csv'],
    ['mesh/home/a.csv', ['a.csv'], 'mesh/home/a-Copy1.csv'],
    ['mesh/home/a.tar.gz', ['a.tar.gz'], 'mesh/home/a-Copy1.tar.gz'],
    ['mesh/home/.env', ['.env'], 'mesh/home/.env-Copy1'],
    ['mesh/home/a', ['a', 'a-Copy1'], 'mesh/home/a-Copy2']
  ])('%s beside %j is %s', (path, taken, free) => {
    expect(freePath(path, name => taken.includes(name))).toBe(free);
  });
});

describe('readInput', () => {
  it('keeps the place of a file in the folder that was chosen', () => {
    const plain = fileOf('a');
    const inside = fileOf('b');
    Object.defineProperty(inside, 'webkitRelativePath', {
      value: 'survey/deep/b'
    });
    expect(
      readInput([plain, inside], 'mesh/home').map(one => one.path)
    ).toEqual(['mesh/home/a', 'mesh/home/survey/deep/b']);
  });
});
