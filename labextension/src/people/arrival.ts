// An address that brings an invitation: `/lab?mesh-invitation=<name>` from our server, or `mesh-invite=<code>`.
import type { Received } from './api';

/** Our server's name for an invitation that it keeps, and an invitation as text. */
const NONCE = 'mesh-invitation';
const TEXT = 'mesh-invite';

/** Where parameters stand in an address. */
interface IAddress {
  pathname: string;
  search: string;
  hash: string;
}

/** What an address brings, or null. */
export function invitationIn(address: IAddress): Received | null {
  for (const part of [address.search, address.hash]) {
    const query = new URLSearchParams(part.replace(/^[?#]/, ''));
    const nonce = query.get(NONCE);
    if (nonce) {
      return { nonce };
    }
    const text = query.get(TEXT);
    if (text) {
      return { text };
    }
  }
  return null;
}

/** The same address without the invitation; what else it has stays as it was written. */
export function withoutInvitation(address: IAddress): string {
  const clean = (part: string): string => {
    const mark = part.slice(0, 1);
    const kept = part
      .slice(1)
      .split('&')
      .filter(pair => ![NONCE, TEXT].includes(pair.split('=')[0]));
    return kept.join('') ? mark + kept.join('&') : '';
  };
  return address.pathname + clean(address.search) + clean(address.hash);
}
