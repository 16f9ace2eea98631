import { nullTranslator } from '@jupyterlab/translation';
import { PromiseDelegate } from '@lumino/coreutils';

import type { IBinItem } from '../past';
import type { IMeshModel } from '../tokens';
import { BinActions } from './actions';
import { BinModel } from './model';

const ITEM: IBinItem = {
  key: 'key',
  path: 'mesh/home/fit.ipynb',
  name: 'fit.ipynb',
  kind: 'file',
  size: 1,
  deleted: '2026-11-20T10:00:00Z'
};

describe('BinActions', () => {
  let model: BinModel;

  beforeEach(() => {
    model = new BinModel({
      home: { path: 'mesh/home', label: 'Home' },
      projects: () => Promise.resolve([]),
      fetch: () => Promise.resolve([]),
      purge: () => Promise.resolve({ purged: 0, failed: [] }),
      isSeen: () => true,
      noteFailure: () => undefined
    });
  });

  afterEach(() => model.dispose());

  function actionsWith(restore: BinActions.IOptions['restore']): BinActions {
    return new BinActions({
      mesh: { root: 'mesh', noteFailure: jest.fn() } as unknown as IMeshModel,
      model,
      trans: nullTranslator.load('jupyter_mesh'),
      fetch: () => Promise.resolve([]),
      restore,
      show: () => Promise.resolve(),
      refreshBrowsers: () => Promise.resolve()
    });
  }

  it('restores once what is clicked twice, and again when it is back in the bin', async () => {
    const answer = new PromiseDelegate<string>();
    const restore = jest.fn(() => answer.promise);
    const actions = actionsWith(restore);
    const clicks = [actions.restoreRow(ITEM), actions.restoreRow(ITEM)];
    answer.resolve(ITEM.path);
    await Promise.all(clicks);
    expect(restore).toHaveBeenCalledTimes(1);
    await actions.restoreRow(ITEM);
    expect(restore).toHaveBeenCalledTimes(2);
  });

  it('asks once what is clicked twice, and deletes nothing without a yes', async () => {
    const purge = jest.spyOn(model, 'purge');
    const actions = actionsWith(jest.fn());
    const clicks = [actions.purge([ITEM]), actions.purge([ITEM])];
    await new Promise(resolve => setTimeout(resolve));
    const dialogs = document.querySelectorAll('.jp-Dialog');
    expect(dialogs.length).toBe(1);
    dialogs[0].querySelector<HTMLElement>('.jp-mod-reject')!.click();
    await Promise.all(clicks);
    expect(document.querySelectorAll('.jp-Dialog').length).toBe(0);
    expect(purge).not.toHaveBeenCalled();
  });
});
