// What is said of projects and their members.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IMember, IPerson, IProject, Role } from '../sharing/api';
import type { IStep } from './api';

import { nameOf, roleWords } from '../sharing/words';

/**
 * How a member is in a project. No site tells its users whether somebody has accepted a share: what is said of an
 * active member is what is known.
 */
export function stateWords(
  state: IMember['state'],
  trans: TranslationBundle
): string {
  switch (state) {
    case 'active':
      return trans.__('was given access');
    case 'pending':
      return trans.__('has not accepted yet');
    case 'missing':
      return trans.__('has no access yet');
    case 'failed':
      return trans.__('did not get access');
    case 'leaving':
      return trans.__('still has access');
    case 'left':
      return trans.__('has left');
  }
}

/** Where a member is from: the title of a site, or how large a group is. */
export function fromWords(
  who: IPerson,
  ownSite: string,
  trans: TranslationBundle
): string {
  if (who.kind === 'group') {
    return who.members === null
      ? trans.__('group')
      : trans._n('group of %1', 'group of %1', who.members, who.members);
  }
  return who.site?.title || who.site?.domain || ownSite;
}

/** owner · 4 members · 1 has not accepted yet */
export function projectWords(
  project: IProject,
  trans: TranslationBundle
): string {
  const { members } = project;
  const parts = [
    roleWords(project.me, trans),
    trans._n('%1 member', '%1 members', members.length, members.length)
  ];
  const waiting = members.filter(each => each.state === 'pending').length;
  if (waiting) {
    parts.push(
      trans._n(
        '%1 has not accepted yet',
        '%1 have not accepted yet',
        waiting,
        waiting
      )
    );
  }
  return parts.join(' · ');
}

/** True if a repair would do something. */
export function needsRepair(project: IProject): boolean {
  return (
    project.drift ||
    project.members.some(each => ['missing', 'failed'].includes(each.state))
  );
}

/** Why a repair is offered. */
export function troubleWords(
  project: IProject,
  trans: TranslationBundle
): string {
  const bad = project.members.filter(each =>
    ['missing', 'failed'].includes(each.state)
  ).length;
  return bad
    ? trans._n(
        '%1 of %2 members has no access.',
        '%1 of %2 members have no access.',
        bad,
        project.members.length
      )
    : trans.__('Who has access is not what was agreed.');
}

/** What a step of a plan does. */
export function stepWords(
  step: IStep,
  name: string,
  ownSite: string,
  trans: TranslationBundle
): string {
  const { action, who, role } = step;
  if (action === 'create' || !who) {
    return step.message || trans.__('Make the folder "%1"', name);
  }
  const person = trans.__(
    '%1 (%2)',
    nameOf(who, trans),
    fromWords(who, ownSite, trans)
  );
  switch (action) {
    case 'share':
      return trans.__('%1 gets access: %2', person, words(role, trans));
    case 'update':
      return trans.__('%1: from now on %2', person, words(role, trans));
    case 'remove':
      return trans.__(
        '%1 loses access. Copies already taken stay with them.',
        person
      );
  }
}

/** What to know before people of other sites can change files, or "". */
export function warningWords(
  steps: readonly IStep[],
  trans: TranslationBundle
): string {
  const sites = new Set<string>();
  for (const { action, who, role } of steps) {
    if (who?.site && action !== 'remove' && role !== 'viewer') {
      sites.add(who.site.title || who.site.domain);
    }
  }
  return sites.size
    ? trans.__(
        'People at %1 will be able to change files in this folder. Copies they make stay with them.',
        Array.from(sites).join(', ')
      )
    : '';
}

function words(role: Role | null, trans: TranslationBundle): string {
  return role ? roleWords(role, trans) : '';
}
