// An address that brings an invitation: `/lab?mesh-invitation=<name>` from our server, or `/lab#mesh-invite=<code>`.
import type { Received } from './api';

/** In the query: our server's name for an invitation that it keeps. */
const NONCE = 'mesh-invitation';
/** In the fragment, which no server sees and no log keeps: an invitation as text. */
const TEXT = 'mesh-invite';

/** Where parameters stand in an address. */
interface IAddress {
  pathname: string;
  search: string;
  hash: string;
}

/** What an address brings, or null. */
export function invitationIn(address: IAddress): Received | null {
  const nonce = new URLSearchParams(address.search).get(NONCE);
  const text = new URLSearchParams(address.hash.slice(1)).get(TEXT);
  return nonce ? { nonce } : text ? { text } : null;
}

/** The same address without the invitation; what else it has stays as it was written. */
export function withoutInvitation(address: IAddress): string {
  const clean = (part: string, name: string): string => {
    const kept = part
      .slice(1)
      .split('&')
      .filter(pair => pair.split('=')[0] !== name);
    return kept.join('') ? part.slice(0, 1) + kept.join('&') : '';
  };
  const { pathname, search, hash } = address;
  return pathname + clean(search, NONCE) + clean(hash, TEXT);
}
