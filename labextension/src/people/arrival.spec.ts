import { invitationIn, withoutInvitation } from './arrival';

function at(search: string, hash = ''): Parameters<typeof invitationIn>[0] {
  return { pathname: '/lab/tree/a', search, hash };
}

describe('an address that brings an invitation', () => {
  it.each([
    ['a name of our server', '?mesh-invitation=n1', '', { nonce: 'n1' }],
    ['a code', '?reset', '#mesh-invite=a%40b.example', { text: 'a@b.example' }],
    ['a code that a server has seen', '?mesh-invite=a%40b.example', '', null],
    ['none', '?mesh=mesh/home', '', null],
    ['an empty one', '', '#mesh-invite=', null]
  ])('%s', (_, search, hash, found) => {
    expect(invitationIn(at(search, hash))).toEqual(found);
  });

  it.each([
    ['?mesh-invitation=n1', '', '/lab/tree/a'],
    ['?reset&mesh-invitation=x&a=%2F', '', '/lab/tree/a?reset&a=%2F'],
    ['', '#mesh-invite=x', '/lab/tree/a'],
    ['?reset', '#cell-1', '/lab/tree/a?reset#cell-1']
  ])('is cleaned of it: %s%s', (search, hash, clean) => {
    expect(withoutInvitation(at(search, hash))).toBe(clean);
  });
});
