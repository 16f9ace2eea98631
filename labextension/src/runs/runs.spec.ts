import type { IParameter, IRun } from './api';

import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';

import { changedValues, kindOf, textOf } from './fields';
import { RunsModel } from './model';
import { RunNotices } from './notices';
import { sentenceOf } from './words';

const trans = nullTranslator.load('jupyter_mesh');

const RUN: IRun = {
  id: 'r1',
  path: 'mesh/home/fit.ipynb',
  output: '',
  state: 'running',
  done: 0,
  total: null,
  message: '',
  started: '2026-11-22T10:00:00Z'
};

function parameter(value: unknown, isLiteral = true): IParameter {
  return { name: 'p', source: 'source', value, isLiteral, help: '' };
}

describe('fields', () => {
  it.each([
    ['text', 'north', true, 'north'],
    ['number', 1.5, true, '1.5'],
    ['boolean', false, true, 'false'],
    ['json', [1, 'a'], true, '[1,"a"]'],
    ['any', null, true, 'null'],
    ['any', null, false, '']
  ])('is %s for %j', (kind, value, isLiteral, text) => {
    expect(kindOf(parameter(value, isLiteral))).toBe(kind);
    expect(textOf(parameter(value, isLiteral))).toBe(text);
  });

  it.each([
    ['north', 'north', {}],
    ['north', '7', { p: '7' }],
    [1.5, '2', { p: 2 }],
    [true, 'false', { p: false }],
    [[1], '[1, 2]', { p: [1, 2] }],
    [null, 'some text', { p: 'some text' }],
    [null, '12', { p: 12 }]
  ])('of %j, %s gives %j', (value, text, changed) => {
    expect(changedValues([parameter(value)], { p: text }, trans)).toEqual(
      changed
    );
  });

  it.each([
    [1, 'many', /needs a number/],
    [1, '"1"', /needs a number/],
    [[1], '[1', /as in JSON/]
  ])('of %j, %s is refused', (value, text, sentence) => {
    expect(() => changedValues([parameter(value)], { p: text }, trans)).toThrow(
      sentence
    );
  });
});

describe('words', () => {
  it.each([
    [{ state: 'waiting' }, /waits for its turn/],
    [{}, /starts to run/],
    [{ done: 3, total: 7 }, /runs: 3 of 7 cells/],
    [{ state: 'done' }, /has run/],
    [{ state: 'failed', message: 'In [3] failed: X' }, /In \[3\] failed: X/],
    [{ state: 'cancelled' }, /was stopped\.$/],
    [{ state: 'cancelled', output: 'o' }, /is saved/]
  ])('of %j', (facts, sentence) => {
    expect(sentenceOf({ ...RUN, ...(facts as Partial<IRun>) }, trans)).toMatch(
      sentence
    );
  });
});

/** A server with runs; `now` is what it tells. */
class Server {
  now: IRun[] = [];
  looks = 0;
  removed: string[] = [];
  model = new RunsModel({
    fetch: () => {
      this.looks += 1;
      return Promise.resolve(this.now);
    },
    start: path => {
      this.now = [{ ...RUN, path }];
      return Promise.resolve(this.now[0]);
    },
    remove: id => {
      this.removed.push(id);
      return Promise.resolve();
    },
    interval: 5
  });
}

async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; n < 2000 && !holds(); n++) {
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  expect(holds()).toBe(true);
}

describe('the model', () => {
  it('looks while something runs, and no longer', async () => {
    const server = new Server();
    await server.model.start(RUN.path, {});
    await until(() => server.looks > 2);
    server.now = [{ ...RUN, state: 'done' }];
    await until(() => server.model.items[0].state === 'done');
    const { looks } = server;
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(server.looks).toBe(looks);
    server.model.dispose();
  });

  it('tells of what is new, of changes and of what is forgotten', async () => {
    const server = new Server();
    const told: string[] = [];
    server.model.changed.connect((_, { run, before }) => {
      told.push(`${before?.state ?? 'new'} ${run.state}`);
    });
    server.model.forgotten.connect((_, id) => told.push(`forgotten ${id}`));
    server.now = [RUN];
    await server.model.refresh();
    server.now = [{ ...RUN, state: 'failed' }];
    await until(() => told.length === 2);
    server.now = [];
    await server.model.refresh();
    expect(told).toEqual(['new running', 'running failed', 'forgotten r1']);
    server.model.dispose();
  });
});

describe('notifications', () => {
  let server: Server;
  let notices: RunNotices;
  let opened: string[];

  beforeEach(() => {
    server = new Server();
    opened = [];
    notices = new RunNotices({
      model: server.model,
      open: path => opened.push(path),
      tell: error => {
        throw error;
      },
      trans
    });
  });

  afterEach(() => {
    notices.dispose();
    server.model.dispose();
    Notification.dismiss();
  });

  const shown = () => Notification.manager.notifications;
  const labels = () => shown()[0].options.actions?.map(each => each.label);

  it('goes from progress with Cancel to a result with Open', async () => {
    server.now = [{ ...RUN, done: 1, total: 4, output: 'mesh/home/out.ipynb' }];
    await server.model.refresh();
    expect(shown()).toHaveLength(1);
    expect(shown()[0].options.progress).toBe(0.25);
    expect(labels()).toEqual(['Cancel']);
    shown()[0].options.actions![0].callback(new MouseEvent('click'));
    expect(server.removed).toEqual(['r1']);

    server.removed = [];
    server.now = [{ ...server.now[0], state: 'done', done: 4 }];
    await until(() => shown()[0].type === 'success');
    expect(shown()).toHaveLength(1);
    expect(labels()).toEqual(['Open']);
    shown()[0].options.actions![0].callback(new MouseEvent('click'));
    expect(opened).toEqual(['mesh/home/out.ipynb']);
    Notification.dismiss(shown()[0].id);
    expect(server.removed).toEqual(['r1']);
  });

  it('tells the end to who has closed the progress', async () => {
    server.now = [RUN];
    await server.model.refresh();
    Notification.dismiss(shown()[0].id);
    await server.model.refresh();
    expect(shown()).toHaveLength(0);
    expect(server.removed).toEqual([]);
    server.now = [{ ...RUN, state: 'failed', message: 'In [1] failed: X' }];
    await until(() => shown().length === 1);
    expect(shown()[0].type).toBe('error');
    expect(shown()[0].message).toContain('In [1] failed: X');
  });

  it('goes when another page has seen the end', async () => {
    server.now = [{ ...RUN, state: 'done', output: 'o' }];
    await server.model.refresh();
    expect(shown()).toHaveLength(1);
    server.now = [];
    await server.model.refresh();
    expect(shown()).toHaveLength(0);
    expect(server.removed).toEqual([]);
  });
});
