import type { Event } from '@jupyterlab/services';
import type { Abilities, ISharingEvent } from './api';

import { SHARING_SCHEMA } from './api';
import { SharingState } from './state';

const LIMITED = {
  links: { can: false, why: 'Alpine University has no links.' }
} as Abilities;

function event(schema: string, told: object): Event.Emission {
  return { schema_id: schema, ...told };
}

describe('SharingState', () => {
  let state: SharingState;
  let fetch: jest.Mock<Promise<Abilities>, []>;
  const noteFailure = jest.fn();

  beforeEach(() => {
    fetch = jest.fn(() => Promise.resolve(LIMITED));
    state = new SharingState({ fetch, noteFailure });
  });

  afterEach(() => state.dispose());

  it('asks once for all who ask, and says who cannot do what', async () => {
    const known = jest.fn();
    state.abilitiesChanged.connect(known);
    expect(state.can('links')).toBe(true);
    await Promise.all([state.load(), state.load()]);
    await state.load();
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(known).toHaveBeenCalledTimes(1);
    expect(state.can('links')).toBe(false);
    expect(state.whyNot('links')).toBe('Alpine University has no links.');
    expect(state.can('federated')).toBe(true);
    expect(state.whyNot('federated')).toBe('');
  });

  it('asks again after a failure, which it tells', async () => {
    fetch.mockRejectedValueOnce(new Error('away'));
    await state.load();
    expect(noteFailure).toHaveBeenCalledTimes(1);
    expect(state.abilities).toBeNull();
    await state.load();
    expect(state.abilities).toEqual(LIMITED);
  });

  it('passes on events about sharing, and those alone', () => {
    const told: ISharingEvent[] = [];
    state.changed.connect((_, change) => {
      told.push(change);
    });
    state.note(event('https://schema.jupyter-mesh.org/unsaved/v1', {}));
    state.note(event(SHARING_SCHEMA, { what: 'received', path: '' }));
    expect(told).toEqual([{ what: 'received', path: '' }]);
  });
});
