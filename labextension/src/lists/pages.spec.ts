import { PAGE, Pages } from './pages';

describe('Pages', () => {
  let items: number[];
  let pages: Pages<number>;
  const fetch = jest.fn((cursor: string, limit: number) => {
    const start = Number(cursor || 0);
    const stop = start + limit;
    return Promise.resolve({
      items: items.slice(start, stop),
      next: stop < items.length ? String(stop) : null,
      total: items.length
    });
  });

  beforeEach(() => {
    fetch.mockClear();
    items = Array.from({ length: 3 * PAGE - 1 }, (_, index) => index);
    pages = new Pages(fetch);
  });

  it('fetches one page at a time and knows how many there are', async () => {
    expect(pages.items).toBeNull();
    await pages.load();
    expect(pages.items).toHaveLength(PAGE);
    expect(pages.total).toBe(items.length);
    await pages.more();
    expect(pages.items).toHaveLength(2 * PAGE);
    await pages.all();
    await pages.more();
    expect(pages.items).toEqual(items);
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  it('looks again as far as it has looked, and not further', async () => {
    await pages.load();
    await pages.more();
    fetch.mockClear();
    items = items.slice(1);
    await pages.load();
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(pages.items?.[0]).toBe(1);
  });

  it('keeps what it has when looking again fails', async () => {
    await pages.load();
    fetch.mockRejectedValueOnce(new Error('away'));
    await expect(pages.load()).rejects.toThrow('away');
    expect(pages.items).toHaveLength(PAGE);
  });

  it('counts what was taken off before the server is asked', async () => {
    await pages.load();
    pages.edit(known => known.filter(each => each !== 5));
    expect(pages.items).toHaveLength(PAGE - 1);
    expect(pages.total).toBe(items.length - 1);
  });
});
