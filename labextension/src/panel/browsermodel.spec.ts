import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { Contents } from '@jupyterlab/services';
import type { IStateDB } from '@jupyterlab/statedb';

import { PathExt } from '@jupyterlab/coreutils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { MeshBrowserModel } from './browsermodel';

const FOLDERS: Record<string, string[]> = {
  '': ['local.txt', 'mesh'],
  mesh: ['home', 'projects', 'shares'],
  'mesh/home': ['analysis', 'fit.ipynb'],
  'mesh/home/analysis': ['.hidden'],
  'mesh/projects': []
};

function folder(path: string): Contents.IModel {
  return {
    name: PathExt.basename(path),
    path,
    type: 'directory',
    writable: true,
    created: '2026-11-21T14:02:00Z',
    last_modified: '2026-11-21T14:02:00Z',
    mimetype: '',
    format: 'json',
    content: FOLDERS[path].map(name => ({ name, path: `${path}/${name}` }))
  };
}

describe('MeshBrowserModel', () => {
  let saved: Record<string, unknown>;
  let get: jest.Mock<Promise<Contents.IModel>, [string]>;
  let model: MeshBrowserModel;

  beforeEach(() => {
    jest.useFakeTimers();
    saved = {};
    get = jest.fn((path: string) => {
      const clean = PathExt.removeSlash(path);
      return clean in FOLDERS
        ? Promise.resolve(folder(clean))
        : Promise.reject(
            Object.assign(new Error('gone'), { response: { status: 404 } })
          );
    });
    const owner = {};
    const manager = {
      services: {
        ready: Promise.resolve(),
        contents: {
          get,
          fileChanged: new Signal(owner),
          localPath: (path: string) => path,
          resolvePath: (from: string, path: string) =>
            PathExt.resolve('/', from, path)
        },
        sessions: { runningChanged: new Signal(owner), running: () => [] }
      }
    };
    const state = {
      fetch: (key: string) => Promise.resolve(saved[key]),
      save: (key: string, value: unknown) => {
        saved[key] = value;
        return Promise.resolve();
      }
    };
    model = new MeshBrowserModel({
      manager: manager as unknown as IDocumentManager,
      state: state as unknown as IStateDB,
      root: 'mesh',
      start: 'mesh/home',
      refuge: path => (path === 'mesh/home' ? '' : 'mesh/home'),
      ended: (path, items) =>
        path === 'mesh/home/ended' && items.length === 2 ? 'It has ended.' : '',
      trans: nullTranslator.load('jupyter_mesh'),
      auto: false
    });
  });

  afterEach(async () => {
    // A refresh under way would reject.
    await jest.runOnlyPendingTimersAsync();
    model.dispose();
    jest.useRealTimers();
  });

  it('reads nothing until it is opened', () => {
    expect(get).not.toHaveBeenCalled();
    expect(model.isPopulated).toBe(false);
  });

  it('opens the first area with one request', async () => {
    await model.open('x');
    expect(model.path).toBe('mesh/home');
    expect(get).toHaveBeenCalledTimes(1);
  });

  it('opens the folder of the last visit', async () => {
    saved['file-browser-x:cwd'] = { path: 'mesh/home/analysis' };
    await model.open('x');
    expect(model.path).toBe('mesh/home/analysis');
  });

  it('opens the first area if that folder is gone, and says nothing of it', async () => {
    saved['file-browser-x:cwd'] = { path: 'mesh/home/gone' };
    await model.open('x');
    expect(model.path).toBe('mesh/home');
    expect(model.failure).toBe('');
  });

  it('stays where somebody went before the folder of the last visit was found', async () => {
    saved['file-browser-x:cwd'] = { path: 'mesh/home/analysis' };
    const opened = model.open('x');
    await model.cd('/mesh/projects');
    await opened;
    expect(model.path).toBe('mesh/projects');
  });

  it('remembers where it went', async () => {
    await model.open('x');
    await model.cd('analysis');
    expect(saved['file-browser-x:cwd']).toEqual({ path: 'mesh/home/analysis' });
  });

  it.each(['/', '/local', '..', '../..'])(
    'does not leave the mesh by %s',
    async path => {
      await model.open('x');
      await model.cd('/mesh');
      await model.cd(path);
      expect(model.path).toBe('mesh');
    }
  );

  it('takes a path without a slash for what it is, not for a folder below', async () => {
    await model.open('x');
    await model.cd('mesh/projects');
    expect(model.path).toBe('mesh/projects');
    expect(model.isEmpty).toBe(true);
    expect(model.isFiltered).toBe(false);
  });

  it('says which folder is gone, without asking for it again and again', async () => {
    const error = jest.spyOn(console, 'error').mockImplementation();
    const failed = jest.fn();
    model.connectionFailure.connect(failed);
    await model.open('x');
    get.mockClear();
    await model.cd('gone');
    expect(model.failure).toBe('"gone" is no longer here.');
    expect(model.path).toBe('mesh/home');
    expect(get).toHaveBeenCalledTimes(2);
    expect(failed).not.toHaveBeenCalled();
    // It stays through the next looks, until one goes on or has read it.
    await model.cd('.');
    expect(model.isGone).toBe(true);
    await model.cd('analysis');
    expect(model.failure).toBe('');
    await model.cd('/mesh/home/ended');
    expect(model.failure).toBe('It has ended.');
    model.dismiss();
    expect(model.failure).toBe('');
    error.mockRestore();
  });

  it('shows the root where the area itself is gone', async () => {
    const error = jest.spyOn(console, 'error').mockImplementation();
    await model.open('x');
    get.mockImplementationOnce(() =>
      Promise.reject(
        Object.assign(new Error('gone'), { response: { status: 404 } })
      )
    );
    await model.cd('.');
    expect(model.path).toBe('mesh');
    expect(model.failure).toBe('"home" is no longer here.');
    error.mockRestore();
  });

  it('keeps the rows when the site is away, and hands the failure on', async () => {
    const failed = jest.fn();
    await model.open('x');
    model.connectionFailure.connect(failed);
    get.mockRejectedValueOnce(
      Object.assign(new Error('away'), { response: { status: 503 } })
    );
    await model.cd('.');
    expect(model.failure).toBe('away');
    expect(failed).toHaveBeenCalledTimes(1);
    expect(Array.from(model.items(), item => item.name)).toEqual([
      'analysis',
      'fit.ipynb'
    ]);
  });

  it('tells only after a while that it waits', async () => {
    await model.open('x');
    let answer: (model: Contents.IModel) => void = () => undefined;
    get.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
    const opened = model.cd('analysis');
    expect(model.opening).toBe('mesh/home/analysis');
    jest.advanceTimersByTime(149);
    expect(model.isSlow).toBe(false);
    jest.advanceTimersByTime(2);
    expect(model.isSlow).toBe(true);
    answer(folder('mesh/home/analysis'));
    await opened;
    expect(model.isSlow).toBe(false);
    expect(model.opening).toBeNull();
  });

  it('knows a folder that a filter empties', async () => {
    await model.open('x');
    model.setFilter(() => null);
    expect(model.isFiltered).toBe(true);
    model.setFilter(() => ({}));
    expect(model.isFiltered).toBe(false);
  });
});
