// What is said of contacts and invitations.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IInvitationRead } from '../sharing/api';

/** "today 14:00", "tomorrow 14:00", "3 March 14:00" */
export function momentWords(
  moment: string,
  trans: TranslationBundle,
  now = new Date()
): string {
  const date = new Date(moment);
  const time = date.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit'
  });
  const tomorrow = new Date(now);
  tomorrow.setDate(now.getDate() + 1);
  if (date.toDateString() === now.toDateString()) {
    return trans.__('today %1', time);
  }
  if (date.toDateString() === tomorrow.toDateString()) {
    return trans.__('tomorrow %1', time);
  }
  return date.toLocaleString([], {
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit'
  });
}

/** The moment as everybody reads it, wherever they are. */
export function exactWords(moment: string): string {
  return new Date(moment).toLocaleString([], {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC'
  });
}

/**
 * What to do with a new invitation, and how far it goes. Real sites serve whoever comes until it ends, so
 * nothing is said of once.
 */
export function sendWords(
  expires: string | null,
  trans: TranslationBundle,
  now = new Date()
): string {
  return expires
    ? trans.__(
        'Send this to the person you want to work with. Whoever has it can become your contact until %1.',
        momentWords(expires, trans, now)
      )
    : trans.__(
        'Send this to the person you want to work with. Whoever has it can become your contact.'
      );
}

/** Somebody at Alpine University (alpine.example) invites you (jan, Coast Institute). */
export function invitedWords(
  read: IInvitationRead,
  trans: TranslationBundle
): string {
  const { me, site } = read;
  return trans.__(
    'Somebody at %1 invites you (%2, %3).',
    siteWords(site, trans),
    me.name,
    me.site
  );
}

/** Accepting tells Alpine University your name, e-mail address and user name. */
export function consentWords(
  read: IInvitationRead,
  trans: TranslationBundle
): string {
  const names = {
    name: trans.__('name'),
    'e-mail address': trans.__('e-mail address'),
    'user name': trans.__('user name')
  };
  const told = read.tells.map(
    each => names[each as keyof typeof names] ?? each
  );
  const last = told.pop() ?? '';
  const list = told.length
    ? trans.__('%1 and %2', told.join(', '), last)
    : last;
  return trans.__('Accepting tells %1 your %2.', read.site?.title ?? '', list);
}

/** Alpine University (alpine.example) */
export function siteWords(
  site: { title: string; domain: string } | null,
  trans: TranslationBundle
): string {
  if (!site) {
    return trans.__('an institution');
  }
  return site.title && site.title !== site.domain
    ? trans.__('%1 (%2)', site.title, site.domain)
    : site.domain;
}
