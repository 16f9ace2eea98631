// What is said of things that are shared.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IReceived } from '../sharing/api';
import type { IOwnRow } from './own';

import { nameOf, roleWords, untilWords } from '../sharing/words';

/** Jan Novak (Coast Institute) wants to share "lofar-survey" */
export function askingWords(
  item: IReceived,
  ownSite: string,
  trans: TranslationBundle
): string {
  const who = nameOf(item.sender, trans);
  const site = siteOf(item, ownSite);
  return site
    ? trans.__('%1 (%2) wants to share "%3"', who, site, item.name)
    : trans.__('%1 wants to share "%2"', who, item.name);
}

/** can edit · until 3 March */
export function termsWords(item: IReceived, trans: TranslationBundle): string {
  const role = roleWords(item.role, trans);
  return item.expires
    ? trans.__('%1 · %2', role, untilWords(item.expires, trans))
    : role;
}

/** Jan Novak, Coast Institute · can edit */
export function originWords(
  item: IReceived,
  ownSite: string,
  trans: TranslationBundle
): string {
  const who = nameOf(item.sender, trans);
  const site = siteOf(item, ownSite);
  return trans.__(
    '%1 · %2',
    site ? trans.__('%1, %2', who, site) : who,
    termsWords(item, trans)
  );
}

/** What the mouse is told: the address of the other site, and whose it is if not the sender's. */
export function originTitle(item: IReceived, trans: TranslationBundle): string {
  const parts = [item.site?.domain ?? ''];
  if (item.owner.key !== item.sender.key) {
    parts.push(trans.__('belongs to %1', nameOf(item.owner, trans)));
  }
  return parts.filter(Boolean).join(' · ');
}

/** 3 people, 1 group, 1 link */
export function countWords(row: IOwnRow, trans: TranslationBundle): string {
  const { people, groups, links } = row;
  const parts: string[] = [];
  if (people) {
    parts.push(trans._n('%1 person', '%1 people', people, people));
  }
  if (groups) {
    parts.push(trans._n('%1 group', '%1 groups', groups, groups));
  }
  if (links) {
    parts.push(trans._n('%1 link', '%1 links', links, links));
  }
  return parts.join(', ');
}

function siteOf(item: IReceived, ownSite: string): string {
  return item.site?.title || item.site?.domain || ownSite;
}
