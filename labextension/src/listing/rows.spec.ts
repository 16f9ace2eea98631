import type { Contents } from '@jupyterlab/services';
import type { FilterFileBrowserModel } from '@jupyterlab/filebrowser';

import { DirListing } from '@jupyterlab/filebrowser';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { nullTranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { MeshRenderer } from './badges';
import { missingNames } from './innards';
import { LazyRows } from './rows';

const ROW = 24;
const VIEW = 240;

function file(name: string, more: object = {}): Contents.IModel {
  return {
    name,
    path: `mesh/${name}`,
    type: 'file',
    writable: true,
    created: '2026-11-21T14:02:00Z',
    last_modified: '2026-11-21T14:02:00Z',
    mimetype: 'text/plain',
    format: null,
    content: null,
    size: 1,
    ...more
  };
}

function files(count: number): Contents.IModel[] {
  return Array.from({ length: count }, (_, index) =>
    file(`f${String(index).padStart(5, '0')}.txt`)
  );
}

/** A folder that tells its listing when it has been read again. */
class Folder {
  items: Contents.IModel[] = [];
  refreshed = new Signal<this, void>(this);

  get model(): FilterFileBrowserModel {
    const registry = new DocumentRegistry();
    return {
      path: 'mesh',
      manager: {
        activateRequested: new Signal(this),
        registry,
        services: { contents: { localPath: (path: string) => path } }
      },
      fileChanged: new Signal(this),
      pathChanged: new Signal(this),
      refreshed: this.refreshed,
      items: () => this.items[Symbol.iterator](),
      sessions: () => [][Symbol.iterator](),
      specs: null
    } as unknown as FilterFileBrowserModel;
  }
}

describe('LazyRows', () => {
  let folder: Folder;
  let listing: DirListing;
  let rows: LazyRows | null;

  const flush = (): void =>
    MessageLoop.sendMessage(listing, Widget.Msg.UpdateRequest);
  const names = (): (string | null)[] =>
    Array.from(listing.contentNode.children, row => row.textContent).map(
      text => /f\d+\.txt|\w+\.txt/.exec(text ?? '')?.[0] ?? null
    );
  const read = (items: Contents.IModel[]): void => {
    folder.items = items;
    folder.refreshed.emit();
    flush();
  };
  const press = (key: string, more: object = {}): void => {
    document.activeElement?.dispatchEvent(
      new KeyboardEvent('keydown', { key, bubbles: true, ...more })
    );
    flush();
  };
  const focused = (): string | null | undefined =>
    document.activeElement?.textContent;

  beforeEach(() => {
    jest
      .spyOn(HTMLElement.prototype, 'clientHeight', 'get')
      .mockReturnValue(VIEW);
    Element.prototype.scrollIntoView = jest.fn();
    folder = new Folder();
    listing = new DirListing({
      model: folder.model,
      renderer: new MeshRenderer(nullTranslator.load('jupyter_mesh'))
    });
    Widget.attach(listing, document.body);
    rows = LazyRows.attach(listing);
  });

  afterEach(() => {
    listing.dispose();
    jest.restoreAllMocks();
  });

  it('finds in this JupyterLab all that it needs', () => {
    expect(missingNames(listing)).toEqual([]);
    expect(rows).not.toBeNull();
  });

  it.each(['_items', '_sortedItems', '_focusItem', 'onUpdateRequest'])(
    'leaves a listing without %s alone, and says so',
    name => {
      const warn = jest.spyOn(console, 'warn').mockImplementation();
      const other = new DirListing({ model: folder.model });
      Object.assign(other, { [name]: undefined });
      const before = Object.keys(other);
      expect(LazyRows.attach(other)).toBeNull();
      expect(Object.keys(other)).toEqual(before);
      expect(warn.mock.calls[0][0]).toContain(name);
    }
  );

  it('draws every row of a short folder', () => {
    read(files(150));
    expect(names()).toEqual(files(150).map(item => item.name));
    expect(
      listing.contentNode.firstElementChild?.hasAttribute('aria-setsize')
    ).toBe(false);
  });

  it('draws only what is seen of a long one, and tells where it belongs', () => {
    read(files(10_000));
    expect(names().length).toBeLessThan(60);
    const last = listing.contentNode.lastElementChild;
    expect(last?.getAttribute('aria-setsize')).toBe('10000');
    expect(last?.getAttribute('aria-posinset')).toBe(String(names().length));
    expect(Array.from(listing.sortedItems())).toHaveLength(10_000);
  });

  it('follows the scroll bar, and lets go of what is far away', () => {
    jest.useFakeTimers();
    read(files(10_000));
    listing.contentNode.scrollTop = 5_000 * ROW;
    listing.contentNode.dispatchEvent(new Event('scroll'));
    jest.advanceTimersByTime(100);
    jest.useRealTimers();
    expect(names()).toContain('f05000.txt');
    expect(names()).not.toContain('f00003.txt');
    expect(names().length).toBeLessThan(80);
  });

  it('draws a far row that is to have the focus, and keeps it', () => {
    read(files(10_000));
    MessageLoop.sendMessage(listing, Widget.Msg.ActivateRequest);
    press('End');
    expect(focused()).toBe('f09999.txt');
    press('ArrowUp');
    expect(focused()).toBe('f09998.txt');
    press('Home');
    expect(focused()).toBe('f00000.txt');
    press('f');
    expect(focused()).toBe('f00000.txt');
  });

  it.each([
    ['PageDown', {}, 1],
    ['PageDown', { shiftKey: true }, 10],
    ['PageDown', { ctrlKey: true }, 1],
    ['End', { shiftKey: true }, 1_000]
  ])('%s with %j leaves %i selected', (key, more, count) => {
    read(files(1_000));
    MessageLoop.sendMessage(listing, Widget.Msg.ActivateRequest);
    press(key, more);
    expect(Array.from(listing.selectedItems())).toHaveLength(count);
  });

  it('keeps the rows and their order while nothing has changed', () => {
    read(files(1_000));
    const before = Array.from(listing.sortedItems());
    read(files(1_000));
    expect(Array.from(listing.sortedItems())[0]).toBe(before[0]);
  });

  it.each<[string, object]>([
    ['time', { last_modified: '2026-11-21T15:00:00Z' }],
    ['size', { size: 2 }],
    ['rights', { writable: false }],
    ['lock', { mesh: { lock: { holder: 'Jan', mine: false, until: null } } }]
  ])('sees another %s of one entry', (_, more) => {
    read(files(1_000));
    const changed = files(1_000);
    changed[3] = { ...changed[3], ...more };
    read(changed);
    expect(Array.from(listing.sortedItems())[3]).toBe(changed[3]);
  });

  it('keeps what is selected and still there', () => {
    read(files(1_000));
    void listing.selectAll();
    read(files(1_000).slice(10));
    expect(Array.from(listing.selectedItems())).toHaveLength(990);
  });

  it('says who is editing, in words and to a screen reader, and no more afterwards', () => {
    const lock = { holder: 'Jan Novak', mine: false, until: null };
    const badges = (): (string | null)[] =>
      Array.from(
        listing.node.querySelectorAll('.jp-MeshBadge'),
        badge => badge.textContent
      );
    read([file('a.txt', { mesh: { lock } }), file('b.txt')]);
    expect(badges()).toEqual(['editing: Jan Novak']);
    const name = listing.node.querySelector('.jp-DirListing-itemText');
    expect(name?.getAttribute('aria-label')).toBe('a.txt, editing: Jan Novak');
    read([
      file('a.txt', { mesh: { lock: { ...lock, mine: true } } }),
      file('b.txt')
    ]);
    expect(badges()).toEqual([]);
    expect(name?.hasAttribute('aria-label')).toBe(false);
  });

  it('gives the stock listing back', () => {
    read(files(200));
    expect(names().length).toBeLessThan(200);
    rows?.dispose();
    flush();
    expect(names()).toHaveLength(200);
    expect(Object.prototype.hasOwnProperty.call(listing, 'sort')).toBe(false);
  });
});
