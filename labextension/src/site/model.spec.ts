import type { IMountStatus, ISiteStatus } from '../tokens';

import { MeshModel } from './model';

const PAGE = {
  root: 'mesh',
  areas: [{ name: 'home' as const, path: 'mesh/home' }]
};

function answer(change: Partial<ISiteStatus> = {}): ISiteStatus {
  return {
    site: { name: 'alpine', title: 'Alpine', gateway: 'alpine:1' },
    user: null,
    state: 'online',
    since: '2026-11-21T14:02:00+00:00',
    message: '',
    trace: '',
    quota: null,
    features: {},
    signIn: null,
    ...change
  };
}

const MOUNT: IMountStatus = {
  state: 'none',
  message: '',
  dir: null,
  waiting: 0,
  pending: [],
  failing_since: null,
  conflicts: []
};

function modelOf(
  fetch: jest.Mock,
  fetchMount = jest.fn(() => Promise.resolve(MOUNT))
): MeshModel {
  return new MeshModel({
    page: PAGE,
    fetch,
    fetchMount,
    unreachable: () => answer({ state: 'offline', message: 'no server' })
  });
}

describe('MeshModel', () => {
  let model: MeshModel;
  let fetch: jest.Mock;

  beforeEach(() => {
    jest.useFakeTimers();
    fetch = jest.fn(() => Promise.resolve(answer()));
    model = modelOf(fetch);
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  it('asks nothing before somebody looks', async () => {
    model.watch(() => false);
    await jest.advanceTimersByTimeAsync(120_000);
    expect(fetch).not.toHaveBeenCalled();
    expect(model.status).toBeNull();
  });

  it('asks again and again while somebody looks, and stops with them', async () => {
    let isWatched = true;
    model.watch(() => isWatched);
    await jest.advanceTimersByTimeAsync(100_000);
    const asked = fetch.mock.calls.length;
    expect(asked).toBeGreaterThanOrEqual(3);
    isWatched = false;
    await jest.advanceTimersByTimeAsync(100_000);
    expect(fetch.mock.calls.length).toBe(asked);
  });

  it('tells when it waits and when it knows', async () => {
    const seen: boolean[] = [];
    model.stateChanged.connect(() => {
      // The answer of the mount is told, too, whenever it comes.
      if (model.isLoading !== seen[seen.length - 1]) {
        seen.push(model.isLoading);
      }
    });
    await model.refresh();
    expect(seen).toEqual([true, false]);
    expect(model.status?.state).toBe('online');
  });

  it('shares one request among all who ask at once', async () => {
    await Promise.all([model.refresh(), model.refresh(), model.refresh()]);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('does not answer a fresh question from a request that may be cached', async () => {
    await Promise.all([model.refresh(), model.refresh(true)]);
    expect(fetch.mock.calls).toEqual([[false], [true]]);
  });

  it('does not answer a fresh question from a fresh one that has begun before it', async () => {
    await Promise.all([
      model.refresh(true),
      model.refresh(true),
      model.refresh(true)
    ]);
    expect(fetch.mock.calls).toEqual([[true], [true]]);
  });

  it.each([
    ['offline', 'online', 10_000],
    ['online', 'offline', 30_000]
  ] as const)(
    'a site found %s outside of the poll is asked again when that is due, not as for one that is %s',
    async (state, before, due) => {
      fetch.mockResolvedValue(answer({ state: before }));
      model.watch(() => true);
      await jest.advanceTimersByTimeAsync(1_000);
      fetch.mockResolvedValue(answer({ state }));
      await model.refresh(true);
      fetch.mockClear();
      await jest.advanceTimersByTimeAsync(due - 500);
      expect(fetch).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(1_000);
      expect(fetch).toHaveBeenCalledTimes(1);
    }
  );

  it('shows a server that does not answer as offline', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation();
    fetch.mockRejectedValueOnce(new Error('no connection'));
    await model.refresh();
    expect(model.status?.state).toBe('offline');
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it.each([
    [503, 1],
    [504, 1],
    [401, 1],
    [404, 0],
    [412, 0]
  ])('after a failure with %i asks the site %i time', (code, times) => {
    model.noteFailure({ response: { status: code } });
    expect(fetch).toHaveBeenCalledTimes(times);
  });

  it('asks for the mount with the site, and knows nothing while the server does not answer', async () => {
    model.dispose();
    const fetchMount = jest.fn(() => Promise.resolve(MOUNT));
    model = modelOf(fetch, fetchMount);
    await model.refresh();
    expect(model.mount).toEqual(MOUNT);
    fetchMount.mockRejectedValueOnce(new Error('no connection'));
    await model.refresh();
    await jest.advanceTimersByTimeAsync(0);
    expect(model.mount).toBeNull();
    expect(fetchMount).toHaveBeenCalledTimes(2);
  });

  it('a mount that hangs keeps nobody from seeing how the site is', async () => {
    model.dispose();
    const fetchMount = jest.fn(() => new Promise<IMountStatus>(() => {}));
    model = modelOf(fetch, fetchMount);
    await model.refresh();
    expect(model.status?.state).toBe('online');
    await model.refresh();
    expect(fetchMount).toHaveBeenCalledTimes(1);
  });

  it('looks more often while files are on their way', async () => {
    model.dispose();
    const busy = { ...MOUNT, state: 'ready' as const, waiting: 1 };
    const fetchMount = jest.fn(() => Promise.resolve<IMountStatus>(busy));
    model = modelOf(fetch, fetchMount);
    model.watch(() => true);
    await model.refresh();
    fetchMount.mockClear();
    await jest.advanceTimersByTimeAsync(16_000);
    expect(fetchMount.mock.calls.length).toBeGreaterThanOrEqual(3);
  });

  it('after a failure without an answer asks the site', () => {
    model.noteFailure(new TypeError('Failed to fetch'));
    expect(fetch).toHaveBeenCalledWith(true);
  });

  it('after a success asks only if it thinks that the site is away', async () => {
    fetch.mockResolvedValueOnce(answer({ state: 'offline' }));
    await model.refresh();
    model.noteSuccess();
    await jest.advanceTimersByTimeAsync(0);
    model.noteSuccess();
    expect(fetch.mock.calls).toEqual([[false], [true]]);
    expect(model.status?.state).toBe('online');
  });

  it.each([
    ['mesh', true],
    ['/mesh/home/a.txt', true],
    ['meshed/a.txt', false],
    ['local.txt', false]
  ])('knows whether %s is of the mesh', (path, isMesh) => {
    expect(model.contains(path)).toBe(isMesh);
  });
});
