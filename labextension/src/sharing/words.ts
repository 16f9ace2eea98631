// What is said of people, roles and times: pure, so that every sentence can be tested without a browser.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IPerson, Role } from './api';

/** "can edit" */
export function roleWords(role: Role, trans: TranslationBundle): string {
  switch (role) {
    case 'viewer':
      return trans.__('can view');
    case 'editor':
      return trans.__('can edit');
    case 'uploader':
      return trans.__('can upload');
    case 'owner':
      return trans.__('owner');
    default:
      return trans.__('special rights');
  }
}

/** Where somebody is from: "Coast Institute · contact", "group · 14 members". */
export function placeWords(
  person: IPerson,
  ownSite: string,
  trans: TranslationBundle
): string {
  if (person.kind === 'group') {
    return person.members === null
      ? trans.__('group')
      : trans._n(
          'group · %1 member',
          'group · %1 members',
          person.members,
          person.members
        );
  }
  const site = person.site?.title || person.site?.domain || ownSite;
  return person.kind === 'contact' ? trans.__('%1 · contact', site) : site;
}

/** What to call somebody whose name the site may not tell. */
export function nameOf(person: IPerson, trans: TranslationBundle): string {
  return (
    person.name ||
    person.username ||
    (person.kind === 'group'
      ? trans.__('a group without a name')
      : trans.__('somebody whose name is not known'))
  );
}

/** Jan Novak stopped sharing "lofar-survey". */
export function stoppedWords(
  owner: IPerson,
  name: string,
  trans: TranslationBundle
): string {
  return trans.__('%1 stopped sharing "%2".', nameOf(owner, trans), name);
}

/** "until 3 March": with the year where it is another one. */
export function untilWords(
  expires: string,
  trans: TranslationBundle,
  now = new Date()
): string {
  return trans.__('until %1', dayWords(expires, now));
}

/** "3 March" */
export function dayWords(time: string, now = new Date()): string {
  const date = new Date(time);
  return date.toLocaleDateString([], {
    day: 'numeric',
    month: 'long',
    ...(date.getFullYear() !== now.getFullYear() && { year: 'numeric' })
  });
}
