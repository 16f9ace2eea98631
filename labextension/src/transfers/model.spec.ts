import type { ITransferAnswer } from '../tokens';

import type { Transfer } from './transfer';
import { TransfersModel } from './model';
import { UploadMemory } from './memory';
import { Rate } from './rate';
import type { ISenderEvents } from './sending';

/** An attempt to send, as the model asked for it. */
interface IAttempt extends ISenderEvents {
  transfer: Transfer;
  /** The id that the attempt was to go on with. */
  id: string | null;
  replace: string | null;
  isStopped: boolean;
}

function fileOf(name: string, size = 100, lastModified = 1): File {
  const file = new File(['x'], name, { lastModified });
  Object.defineProperty(file, 'size', { value: size });
  return file;
}

function answer(changes: Partial<ITransferAnswer> = {}): ITransferAnswer {
  return {
    id: 'one',
    kind: 'upload',
    path: 'mesh/home/a.bin',
    state: 'receiving',
    done: 0,
    total: 100,
    message: '',
    status: 0,
    source: '',
    started: '2026-11-21T14:02:00Z',
    elsewhere: null,
    ...changes
  };
}

/** What promises have to do without the clock. */
async function settle(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0);
}

describe('Rate', () => {
  let now = 0;
  let rate: Rate;

  beforeEach(() => {
    now = 0;
    rate = new Rate(() => now);
  });

  function note(time: number, done: number): void {
    now = time;
    rate.note(done);
  }

  it('has no figure before there is a sound one', () => {
    expect(rate.speed).toBeNull();
    note(0, 0);
    note(100, 1000);
    expect(rate.speed).toBeNull();
  });

  it('is what came in the last seconds', () => {
    note(0, 0);
    note(10_000, 1_000_000);
    note(15_000, 2_000_000);
    now = 15_000;
    expect(rate.speed).toBe(200_000);
  });

  it('falls while nothing comes', () => {
    note(0, 0);
    note(1000, 1000);
    expect(rate.speed).toBe(1000);
    now = 4000;
    expect(rate.speed).toBe(250);
  });

  it.each([
    ['after a reset', () => rate.reset()],
    ['when it begins anew', () => note(2000, 5)]
  ])('forgets %s', (_, act) => {
    note(0, 0);
    note(1000, 1000);
    act();
    expect(rate.speed).toBeNull();
  });
});

describe('TransfersModel', () => {
  let attempts: IAttempt[];
  let answers: ITransferAnswer[] | Error;
  let model: TransfersModel;
  const remove = jest.fn().mockResolvedValue(undefined);
  const retry = jest.fn();
  const copy = jest.fn();
  let memory: UploadMemory;

  beforeEach(() => {
    jest.useFakeTimers();
    jest.clearAllMocks();
    window.localStorage.clear();
    attempts = [];
    answers = [];
    memory = new UploadMemory('/user/maya/', window.localStorage);
    model = new TransfersModel({
      fetch: () =>
        answers instanceof Error
          ? Promise.reject(answers)
          : Promise.resolve(answers),
      copy,
      remove,
      retry,
      memory,
      now: () => jest.now(),
      open: (transfer, _, events) => {
        const { id, replace } = transfer;
        const attempt = { ...events, transfer, id, replace, isStopped: false };
        attempts.push(attempt);
        return Promise.resolve({
          stop: () => {
            attempt.isStopped = true;
          }
        });
      }
    });
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  /** Begins an upload and lets the first bytes arrive. */
  async function begin(file = fileOf('a.bin')): Promise<Transfer> {
    void model.upload(file, `mesh/home/${file.name}`, null);
    const transfer = model.items[model.items.length - 1];
    await settle();
    const attempt = attempts[attempts.length - 1];
    attempt.onCreated('one');
    attempt.onProgress(40);
    return transfer;
  }

  it('sends, stores, and is done when the site has it', async () => {
    const outcome = jest.fn();
    void model.upload(fileOf('a.bin'), 'mesh/home/a.bin', 'abc').then(outcome);
    await settle();
    const [attempt] = attempts;
    expect(attempt.replace).toBe('abc');
    const [transfer] = model.items;
    attempt.onCreated('one');
    attempt.onProgress(50);
    expect([transfer.phase, transfer.fraction]).toEqual(['sending', 0.5]);
    answers = [answer({ state: 'running', done: 30 })];
    attempt.onSuccess();
    expect(transfer.phase).toBe('storing');
    expect(model.needsPage).toBe(false);
    await jest.advanceTimersByTimeAsync(1100);
    expect(transfer.done).toBe(30);
    expect(outcome).not.toHaveBeenCalled();
    answers = [answer({ state: 'done', done: 100 })];
    await jest.advanceTimersByTimeAsync(1100);
    expect(transfer.phase).toBe('done');
    expect(outcome).toHaveBeenCalledWith(transfer);
  });

  it('sends three at a time', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      void model.upload(fileOf(name), `mesh/home/${name}`, null);
    }
    await settle();
    expect(attempts.map(one => one.transfer.path.slice(-1))).toEqual([
      'a',
      'b',
      'c'
    ]);
    attempts[1].onSuccess();
    model.pause(model.items[0]);
    await settle();
    expect(attempts.slice(3).map(one => one.transfer.path.slice(-1))).toEqual([
      'd',
      'e'
    ]);
  });

  it('goes on where it was after a pause', async () => {
    const transfer = await begin();
    model.pause(transfer);
    expect(attempts[0].isStopped).toBe(true);
    expect(transfer.actions).toEqual(['resume', 'cancel']);
    // What the attempt that was given up has to say counts no more.
    attempts[0].onError(null, '');
    expect(transfer.phase).toBe('paused');
    model.resume(transfer);
    await settle();
    expect(attempts[1].id).toBe('one');
    expect(transfer.phase).toBe('sending');
  });

  it('says since when it is offline, and goes on by itself', async () => {
    const transfer = await begin();
    attempts[0].onError(null, '');
    expect(transfer.phase).toBe('offline');
    const { since } = transfer;
    expect(since).not.toBeNull();
    await jest.advanceTimersByTimeAsync(1000);
    expect(attempts).toHaveLength(2);
    attempts[1].onError(503, 'Alpine does not answer.');
    expect([transfer.message, transfer.since]).toEqual([
      'Alpine does not answer.',
      since
    ]);
    // Longer each time, but at once when the browser says that there is a network.
    await jest.advanceTimersByTimeAsync(1000);
    expect(attempts).toHaveLength(2);
    model.tryNow();
    await settle();
    expect(attempts).toHaveLength(3);
    attempts[2].onProgress(60);
    expect([transfer.phase, transfer.message, transfer.since]).toEqual([
      'sending',
      '',
      null
    ]);
  });

  it('takes a connection on which nothing moves for broken', async () => {
    const transfer = await begin();
    await jest.advanceTimersByTimeAsync(59_000);
    attempts[0].onProgress(41);
    await jest.advanceTimersByTimeAsync(59_000);
    expect(transfer.phase).toBe('sending');
    await jest.advanceTimersByTimeAsync(1000);
    expect(transfer.phase).toBe('offline');
    expect(attempts[0].isStopped).toBe(true);
  });

  it.each([
    [409, ['replace', 'keep', 'dismiss']],
    [412, ['replace', 'keep', 'dismiss']],
    [507, ['retry', 'dismiss']],
    [403, ['retry', 'dismiss']]
  ])('offers what helps after %i', async (status, actions) => {
    void model.upload(fileOf('a.bin'), 'mesh/home/a.bin', null);
    await settle();
    attempts[0].onError(status, 'No.');
    const [transfer] = model.items;
    expect([transfer.phase, transfer.message]).toEqual(['failed', 'No.']);
    expect(transfer.actions).toEqual(actions);
  });

  it('goes on after 409 when there is an id: another window sent some of it', async () => {
    const transfer = await begin();
    attempts[0].onError(409, '');
    expect(transfer.phase).toBe('offline');
  });

  it('replaces what is there now by beginning anew', async () => {
    void model.upload(fileOf('a.bin'), 'mesh/home/a.bin', null);
    await settle();
    attempts[0].onError(409, 'There is already a "a.bin" here.');
    await model.retry(model.items[0], 'abc');
    await settle();
    expect([attempts[1].id, attempts[1].replace]).toEqual([null, 'abc']);
  });

  it('sends nothing again when only the site refused', async () => {
    const transfer = await begin();
    answers = [
      answer({ state: 'failed', status: 412, message: 'It was changed.' })
    ];
    attempts[0].onSuccess();
    await jest.advanceTimersByTimeAsync(1100);
    expect(transfer.message).toBe('It was changed.');
    expect(transfer.actions).toEqual(['replace', 'keep', 'dismiss']);
    retry.mockResolvedValue(answer({ state: 'running' }));
    answers = [answer({ state: 'running' })];
    await model.retry(transfer, 'new hash');
    expect(retry).toHaveBeenCalledWith('one', 'new hash');
    expect(transfer.phase).toBe('storing');
    expect(attempts).toHaveLength(1);
  });

  it('keeps both by beginning anew under another name', async () => {
    const transfer = await begin();
    answers = [answer({ state: 'failed', status: 412 })];
    attempts[0].onSuccess();
    await jest.advanceTimersByTimeAsync(1100);
    await model.retryAs(transfer, 'mesh/home/a-Copy1.bin');
    await settle();
    expect(attempts[1].transfer.path).toBe('mesh/home/a-Copy1.bin');
    expect([attempts[1].id, attempts[1].replace]).toEqual([null, null]);
    expect(remove).toHaveBeenCalledWith('one');
  });

  it('cancels here and at the server, and does not show it again', async () => {
    const transfer = await begin();
    answers = [answer({ done: 40 })];
    await model.remove(transfer);
    expect(attempts[0].isStopped).toBe(true);
    expect(remove).toHaveBeenCalledWith('one');
    await model.refresh();
    expect(model.items).toEqual([]);
  });

  it('shows an upload whose page is gone, and goes on with the same file only', async () => {
    memory.note('one', fileOf('a.bin', 100, 1));
    answers = [answer({ done: 70 })];
    await model.refresh();
    const [transfer] = model.items;
    expect([transfer.phase, transfer.done]).toEqual(['unfinished', 70]);
    expect(transfer.actions).toEqual(['choose', 'cancel']);
    expect(model.continueWith(transfer, fileOf('a.bin', 100, 2))).toBe(false);
    expect(model.continueWith(transfer, fileOf('b.bin', 100, 1))).toBe(false);
    const same = fileOf('a.bin', 100, 1);
    expect(model.findUnfinished(same, 'mesh/home/a.bin')).toBe(transfer);
    expect(model.continueWith(transfer, same)).toBe(true);
    await settle();
    expect(attempts[0].id).toBe('one');
  });

  it('leaves an upload alone that another window is sending', async () => {
    answers = [answer({ done: 10 })];
    await model.refresh();
    answers = [answer({ done: 20 })];
    await model.refresh();
    const [transfer] = model.items;
    expect(transfer.phase).toBe('elsewhere');
    await jest.advanceTimersByTimeAsync(11_000);
    await model.refresh();
    expect(transfer.phase).toBe('unfinished');
  });

  it('drops what another window has dealt with, and what it remembered of it', async () => {
    memory.note('one', fileOf('a.bin'));
    answers = [answer({ state: 'failed', message: 'No.' })];
    await model.refresh();
    expect(model.items).toHaveLength(1);
    answers = [];
    await model.refresh();
    expect(model.items).toEqual([]);
    expect(memory.recall('one')).toBeNull();
  });

  it('tells nobody about what had ended before it looked', async () => {
    const ended = jest.fn();
    model.ended.connect(ended);
    answers = [answer({ state: 'done' })];
    await model.refresh();
    expect(model.items).toHaveLength(1);
    expect(ended).not.toHaveBeenCalled();
  });

  it('runs a copy at the server, and tries again from the same source', async () => {
    const running = answer({
      kind: 'copy',
      path: 'mesh/home/b',
      source: 'mesh/home/a',
      state: 'running',
      total: null
    });
    copy.mockResolvedValue(running);
    answers = [running];
    void model.copy('mesh/home/a', 'mesh/home/b');
    await settle();
    const [transfer] = model.items;
    expect([transfer.phase, transfer.fraction]).toEqual(['copying', null]);
    expect([transfer.name, transfer.folder]).toEqual(['a', 'mesh/home/b']);
    answers = [{ ...running, state: 'failed', status: 503, message: 'Away.' }];
    await jest.advanceTimersByTimeAsync(1100);
    expect(transfer.actions).toEqual(['retry', 'dismiss']);
    copy.mockResolvedValue({ ...running, id: 'two' });
    answers = [{ ...running, id: 'two' }];
    await model.retry(transfer);
    expect(copy).toHaveBeenLastCalledWith('mesh/home/a', 'mesh/home/b');
    expect([transfer.id, transfer.phase]).toEqual(['two', 'copying']);
  });

  it('says that the server is away while it works on something', async () => {
    const transfer = await begin();
    answers = [answer({ state: 'running' })];
    attempts[0].onSuccess();
    await jest.advanceTimersByTimeAsync(1100);
    answers = new Error('no connection');
    await jest.advanceTimersByTimeAsync(1100);
    expect([transfer.phase, transfer.since === null]).toEqual([
      'storing',
      false
    ]);
  });

  it('asks nothing while nothing runs and nobody looks', async () => {
    const fetch = jest.spyOn(
      (model as unknown as { _options: TransfersModel.IOptions })._options,
      'fetch'
    );
    await model.refresh();
    const asked = fetch.mock.calls.length;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(fetch).toHaveBeenCalledTimes(asked);
    const watch = model.watch(() => true);
    await jest.advanceTimersByTimeAsync(11_000);
    expect(fetch.mock.calls.length).toBeGreaterThan(asked);
    watch.dispose();
  });

  describe('of another program', () => {
    const elsewhere = {
      program: 'jupyter mesh put',
      local: '/data/a.bin',
      canRetry: false
    };

    it('is followed, and leaves the list here alone when it is done', async () => {
      answers = [answer({ state: 'running', done: 40, elsewhere })];
      await model.refresh();
      expect(model.items[0].phase).toBe('moving');
      expect(model.items[0].isRunning).toBe(true);
      answers = [answer({ state: 'done', done: 100, elsewhere })];
      await model.refresh();
      expect(model.items[0].phase).toBe('done');
      await model.remove(model.items[0]);
      expect(remove).not.toHaveBeenCalled();
      await model.refresh();
      expect(model.items).toHaveLength(0);
    });

    it('is not told here if it was done before anybody looked', async () => {
      answers = [answer({ state: 'done', elsewhere })];
      await model.refresh();
      expect(model.items).toHaveLength(0);
    });

    it('goes on at our server where it can', async () => {
      const failed = { ...elsewhere, canRetry: true };
      answers = [answer({ state: 'failed', elsewhere: failed })];
      await model.refresh();
      expect(model.items[0].actions).toEqual(['retry', 'dismiss']);
      retry.mockResolvedValue(answer({ state: 'running', elsewhere }));
      await model.retry(model.items[0]);
      expect(retry).toHaveBeenCalledWith('one', null);
      expect(model.items[0].phase).toBe('moving');
    });
  });
});
