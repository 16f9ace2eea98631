import type { Abilities, IAccess, IAccessRow, IPerson } from './api';

import { ServerConnection } from '@jupyterlab/services';

import { ShareModel } from './model';
import { aboveOf, abroadWords } from './question';
import { dayOf, expiryOf } from './until';
import { nullTranslator } from '@jupyterlab/translation';

const PLACE = { path: 'mesh/home/a/b', name: 'b' };
const COAST = { domain: 'coast.example', title: 'Coast Institute' };
const trans = nullTranslator.load('jupyter_mesh');

function person(name: string, site: IPerson['site'] = null): IPerson {
  return {
    key: name,
    kind: site ? 'contact' : 'user',
    name,
    username: '',
    members: null,
    site
  };
}

const JAN = person('Jan', COAST);
const JANA = person('Jana');

function rowOf(who: IPerson, more: Partial<IAccessRow> = {}): IAccessRow {
  return {
    share: `local-${who.key}`,
    who,
    role: 'viewer',
    expires: null,
    note: '',
    via: 'direct',
    from: null,
    canChange: true,
    canRemove: true,
    ...more
  };
}

function refusal(status: number, body: object): Error {
  // jsdom has no Response.
  const response = {
    status,
    clone: () => ({ json: () => Promise.resolve(body) })
  } as unknown as Response;
  return new ServerConnection.ResponseError(response, 'In the way.');
}

describe('ShareModel', () => {
  let access: IAccess;
  let api: jest.Mocked<ShareModel.IApi>;
  let model: ShareModel;

  beforeEach(() => {
    access = {
      ...PLACE,
      kind: 'directory',
      id: 's$x!1',
      me: { role: 'owner', canShare: true, whyNot: '' },
      owner: null,
      rows: [],
      links: [],
      problems: []
    };
    api = {
      access: jest.fn<Promise<IAccess>, [string]>(() =>
        Promise.resolve(access)
      ),
      abilities: jest.fn(() => Promise.resolve({} as Abilities)),
      share: jest.fn().mockResolvedValue({}),
      update: jest.fn().mockResolvedValue({}),
      remove: jest.fn().mockResolvedValue(undefined),
      createLink: jest.fn(),
      updateLink: jest.fn(),
      removeLink: jest.fn().mockResolvedValue(undefined),
      noteFailure: jest.fn()
    };
    model = new ShareModel(PLACE, api);
  });

  afterEach(() => model.dispose());

  it('opens with two requests, and asks for the abilities once', async () => {
    await model.refresh();
    await model.refresh();
    expect(api.access).toHaveBeenCalledTimes(2);
    expect(api.abilities).toHaveBeenCalledTimes(1);
    expect(model.isLoading).toBe(false);
  });

  it('says why nothing is known, and keeps what was', async () => {
    await model.refresh();
    api.access.mockRejectedValueOnce(new Error('No answer.'));
    await model.refresh();
    expect(model.failure?.message).toBe('No answer.');
    expect(model.access).toBe(access);
    expect(api.noteFailure).toHaveBeenCalled();
  });

  it('drops an answer that was overtaken', async () => {
    let late: (value: IAccess) => void = () => undefined;
    api.access.mockReturnValueOnce(new Promise(resolve => (late = resolve)));
    const first = model.refresh();
    await model.refresh();
    late({ ...access, name: 'old' });
    await first;
    expect(model.access).toBe(access);
  });

  it('shares with all, and keeps those with whom it did not work', async () => {
    await model.refresh();
    [JANA, person('Ben')].forEach(who => model.pick(who));
    model.edit({ role: 'editor', note: ' for you ' });
    api.share.mockRejectedValueOnce(refusal(403, { trace: 'abc' }));
    await model.share();
    expect(api.share.mock.calls.map(([share]) => share)).toEqual(
      ['Jana', 'Ben'].map(who => ({
        path: PLACE.path,
        with: who,
        role: 'editor',
        expires: null,
        note: 'for you',
        force: false
      }))
    );
    expect(model.draft.people).toEqual([JANA]);
    expect(model.draft.note).toBe(' for you ');
    expect(model.draftFailures.get('Jana')?.trace).toBe('abc');
    expect(model.done.map(({ name }) => name)).toEqual(['Ben']);
  });

  it('sends nothing while no day is chosen', async () => {
    await model.refresh();
    model.pick(JANA);
    model.edit({ until: { choice: 'day', day: '' } });
    await model.share();
    expect(api.share).not.toHaveBeenCalled();
  });

  it.each([
    ['yes', true, 1],
    ['no', false, 0]
  ])(
    'asks before the first write access at another site: %s',
    async (_, isYes, calls) => {
      await model.refresh();
      model.pick(JAN);
      model.edit({ role: 'editor' });
      await model.share();
      expect(model.question?.kind).toBe('abroad');
      expect(api.share).not.toHaveBeenCalled();
      await model.answer(isYes);
      expect(api.share).toHaveBeenCalledTimes(calls);
      expect(model.draft.people).toEqual(isYes ? [] : [JAN]);
    }
  );

  it.each([
    ['to view', 'viewer', []],
    [
      'where others of that site can',
      'editor',
      [rowOf(JAN, { role: 'editor' })]
    ]
  ] as const)('does not ask %s', async (_, role, rows) => {
    access.rows = [...rows];
    await model.refresh();
    model.pick(person('Eva', COAST));
    model.edit({ role });
    await model.share();
    expect(model.question).toBeNull();
    expect(api.share).toHaveBeenCalledTimes(1);
  });

  it('asks also before somebody there may change what they could view', async () => {
    await model.refresh();
    await model.change(rowOf(JAN), { role: 'editor' });
    expect(api.update).not.toHaveBeenCalled();
    await model.answer(true);
    expect(api.update).toHaveBeenCalledWith('local-Jan', { role: 'editor' });
  });

  it('offers the choice where other shares are in the way', async () => {
    await model.refresh();
    model.pick(JANA);
    const conflict = { paths: ['/home/a/b/c'], canForce: true };
    api.share.mockRejectedValueOnce(refusal(409, { conflict }));
    await model.share();
    expect(model.question).toMatchObject({ kind: 'conflict', who: JANA });
    await model.answer(true);
    expect(api.share.mock.calls[1][0].force).toBe(true);
    expect(model.draft.people).toEqual([]);
  });

  it('removes at once, and gives back what was', async () => {
    await model.refresh();
    await model.remove(rowOf(JANA, { role: 'editor', expires: '2027-01-01' }));
    expect(api.remove).toHaveBeenCalledWith('local-Jana');
    expect(model.removed?.who).toBe(JANA);
    await model.undo();
    expect(api.share).toHaveBeenCalledWith({
      path: PLACE.path,
      with: 'Jana',
      role: 'editor',
      expires: '2027-01-01',
      note: '',
      force: false
    });
    expect(model.removed).toBeNull();
  });

  it('says at the row what failed, and looks what there is now', async () => {
    await model.refresh();
    api.remove.mockRejectedValueOnce(new Error('Gone.'));
    await model.remove(rowOf(JANA));
    expect(model.failureFor('local-Jana')?.message).toBe('Gone.');
    expect(model.removed).toBeNull();
    expect(api.access).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['of itself', { what: 'shares', path: PLACE.path }, 2],
    ['of a folder above', { what: 'links', path: 'mesh/home/a' }, 2],
    ['of anything', { what: 'shares', path: '' }, 2],
    ['of a neighbour', { what: 'shares', path: 'mesh/home/a/bc' }, 1],
    ['of contacts', { what: 'contacts', path: '' }, 1]
  ] as const)(
    'follows an event %s as it concerns it',
    async (_, event, calls) => {
      await model.refresh();
      model.pick(JANA);
      model.note(event);
      expect(api.access).toHaveBeenCalledTimes(calls);
      expect(model.draft.people).toEqual([JANA]);
    }
  );

  it('keeps the draft of a place while one looks at the folder above', async () => {
    await model.refresh();
    model.pick(JANA);
    model.goTo({ path: 'mesh/home/a', name: 'a' });
    expect(model.draft.people).toEqual([]);
    model.goBack();
    expect(model.place).toBe(PLACE);
    expect(model.draft.people).toEqual([JANA]);
  });

  it('closes what lies on top first', () => {
    const link = { id: 'l1' } as IAccess['links'][number];
    model.openForm('l1');
    model.removeLink(link);
    expect(model.closeInnermost()).toBe(true);
    expect([model.question, model.form]).toEqual([null, 'l1']);
    expect(model.closeInnermost()).toBe(true);
    expect(model.closeInnermost()).toBe(false);
    expect(api.removeLink).not.toHaveBeenCalled();
  });
});

describe('words before something is sent', () => {
  it.each([
    [
      [JAN],
      'directory',
      'Jan works at Coast Institute (coast.example). People there will be able to change files in this folder. Copies they make stay with them.'
    ],
    [
      [JAN, person('Eva', { domain: 'x.org', title: 'x.org' })],
      'file',
      'Jan, Eva work elsewhere: Coast Institute (coast.example), x.org. People there will be able to change this file. Copies they make stay with them.'
    ]
  ] as const)('name people and sites', (people, kind, text) => {
    expect(abroadWords(people, kind, trans)).toBe(text);
  });

  it.each([
    [['/a'], 'mesh/home/a'],
    [['home/a', '/'], 'mesh/home/a'],
    [['mesh/home/a/b/c'], undefined]
  ])('find the folder above in %j', (paths, path) => {
    expect(aboveOf(PLACE, paths)?.path).toBe(path);
  });
});

describe('ends', () => {
  const now = new Date(2026, 10, 22, 10, 0);

  it.each([
    ['never', null],
    ['week', '2026-11-29'],
    ['month', '2026-12-22'],
    ['year', '2027-11-22'],
    ['day', '2027-03-03']
  ] as const)('%s is the end of a day', (choice, day) => {
    const end = expiryOf({ choice, day: '2027-03-03' }, now);
    expect(end && dayOf(end)).toBe(day);
  });
});
