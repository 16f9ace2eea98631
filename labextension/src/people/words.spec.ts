import type { IInvitationRead } from '../sharing/api';

import { nullTranslator } from '@jupyterlab/translation';

import { consentWords, invitedWords, momentWords, sendWords } from './words';

const trans = nullTranslator.load('jupyter_mesh');
const NOW = new Date(2026, 10, 22, 12, 0);

function at(day: number, hour: number): string {
  return new Date(2026, 10, day, hour, 0).toISOString();
}

const READ: IInvitationRead = {
  site: {
    domain: 'alpine.example',
    title: 'Alpine University',
    homepage: '',
    lists: [],
    own: false
  },
  own: false,
  needsSite: false,
  me: { name: 'jan', site: 'Coast Institute' },
  tells: ['name', 'e-mail address', 'user name']
};

describe('words of invitations', () => {
  it.each([
    [at(22, 14), /^today /],
    [at(23, 14), /^tomorrow /],
    [at(30, 14), /30/]
  ])('the end %s in words', (moment, words) => {
    expect(momentWords(moment, trans, NOW)).toMatch(words);
  });

  it('promises no more than sites keep', () => {
    const words = sendWords(at(23, 14), trans, NOW);
    expect(words).toMatch(/^Send this to the person you want to work with\./);
    expect(words).toMatch(/until tomorrow/);
    expect(words).not.toMatch(/once/);
  });

  it('names both sides and all that is told', () => {
    expect(invitedWords(READ, trans)).toBe(
      'Somebody at Alpine University (alpine.example) invites you (jan, Coast Institute).'
    );
    expect(consentWords(READ, trans)).toBe(
      'Accepting tells Alpine University your name, e-mail address and user name.'
    );
    expect(consentWords({ ...READ, tells: ['name'] }, trans)).toBe(
      'Accepting tells Alpine University your name.'
    );
  });
});
